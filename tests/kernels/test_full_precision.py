"""Full precision inside, the user's settings outside."""

from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from hauberk.kernels.full_precision import PLACES, full_precision, tf32


def settings():
    return [place.fp32_precision for place in PLACES]


def older():
    return torch.backends.cudnn.allow_tf32, torch.backends.cuda.matmul.allow_tf32, torch.get_float32_matmul_precision()


@pytest.fixture
def fast():
    """Ask for fast products, as users do."""
    torch.set_float32_matmul_precision("medium")
    yield settings()
    torch.set_float32_matmul_precision("highest")


def test_products_are_exact_inside_and_as_before_outside(fast):
    assert {"tf32", "bf16"} <= set(fast)
    before = older()
    with full_precision():
        assert settings() == ["ieee"] * 6
        assert older() == (False, False, "highest")
    assert settings() == fast
    assert older() == before


def test_settings_of_the_newer_interface_come_back(fast):
    torch.backends.cudnn.conv.fp32_precision = "ieee"  # from now on, torch does not answer by the older one
    before = settings()
    with full_precision():
        assert settings() == ["ieee"] * 6
        assert older() == (False, False, "highest")
    assert settings() == before
    torch.backends.cudnn.allow_tf32 = True


def test_settings_come_back_after_an_error(fast):
    with pytest.raises(KeyError), full_precision():
        raise KeyError
    assert settings() == fast


def test_autocast_is_off_inside():
    x = torch.ones(2, 2)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        with full_precision():
            assert (x @ x).dtype == torch.float32
        assert (x @ x).dtype == torch.bfloat16


def test_every_call_of_a_decorated_function_is_exact(fast):
    asked = full_precision()(settings)
    assert asked() == asked() == ["ieee"] * 6


def test_a_block_that_ends_in_another_thread_leaves_the_others_exact(fast):
    first, second = full_precision(), full_precision()
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(1) as other:
        one.submit(first.__enter__).result()
        other.submit(second.__enter__).result()
        one.submit(first.__exit__, None, None, None).result()
        assert settings() == ["ieee"] * 6
        other.submit(second.__exit__, None, None, None).result()
    assert settings() == fast


def test_tf32_is_for_accelerators_alone_and_ends_with_its_block():
    before = settings()
    with tf32():
        assert settings() == ["tf32"] * 3 + ["ieee"] * 3
        assert older() == (True, True, "high")
        with full_precision():
            assert settings() == ["ieee"] * 6
        assert settings() == ["tf32"] * 3 + ["ieee"] * 3
    assert settings() == before


def test_no_thread_loses_full_precision_to_tf32_elsewhere(fast):
    exact = full_precision()
    with ThreadPoolExecutor(1) as other:
        other.submit(exact.__enter__).result()
        with tf32():
            assert settings() == ["ieee"] * 6
            other.submit(exact.__exit__, None, None, None).result()
            assert settings() == ["tf32"] * 3 + ["ieee"] * 3
    assert settings() == fast
