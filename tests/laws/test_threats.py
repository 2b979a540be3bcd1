"""What every threat model and every perturbation set obeys."""

import math

import pytest
import torch

from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.perturbation_set import CertifiableSet, ThreatModel
from hauberk.errors import InputError, ShapeError, UnsupportedSetError
from hauberk.sets.ball_set import BallSet
from laws.instances import instances, label, varied
from laws.networks import SHAPE, images


def covered(S):
    """Return whether proofs know a set that holds what members decode to."""
    try:
        return bool(S.cover())
    except UnsupportedSetError:
        return False


THREATS = instances(ThreatModel)
B = 5
TOLERANCE = 1e-9

CERTIFIABLE = [threat for threat in THREATS if isinstance(threat.at(images(1, 0)), CertifiableSet)]
COVERED = [threat for threat in THREATS if covered(threat.at(images(1, 0)))]
NEAREST = [threat for threat in THREATS if not threat.at(images(1, 0)).retracts]

threats = pytest.mark.parametrize("threat", varied(THREATS), ids=label)
certifiable = pytest.mark.parametrize("threat", varied(CERTIFIABLE), ids=label)


def noise(seed=0, examples=B):
    return Noise.of(seed, torch.arange(examples))


def points(S, seed=0, reach=3.0):
    """Points inside and outside the set, in the adversary's variable."""
    drawn = torch.randn(S.start.shape, generator=torch.Generator().manual_seed(seed), dtype=S.start.dtype)
    return S.start + drawn * (reach * S.radius + 0.01).view(-1, *(1,) * (drawn.ndim - 1))


def directions(S, k, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(len(S.start), k, *S.start.shape[1:], generator=generator, dtype=S.start.dtype)


def inner(c, z):
    return (c * z.unsqueeze(1)).flatten(2).sum(2)


@threats
def test_the_unperturbed_point_is_a_member_and_decodes_to_the_input(threat):
    x = images(B, 1)
    S = threat.at(x)
    assert S.contains(S.start).all()
    torch.testing.assert_close(S.decode(S.start), x, rtol=0, atol=TOLERANCE)


@threats
def test_samples_are_members_and_differ_between_examples_and_seeds(threat):
    S = threat.at(images(1, 2).expand(B, *SHAPE).clone())
    z = S.sample(noise(3))
    assert S.contains(z, TOLERANCE).all()
    if (S.radius > 0).all():
        assert not torch.equal(z[0], z[1])
        assert not torch.equal(z, S.sample(noise(4)))
    assert torch.equal(z, S.sample(noise(3)))


@threats
def test_projection_keeps_members(threat):
    S = threat.at(images(B, 5))
    for z in (S.start, S.sample(noise(6))):
        torch.testing.assert_close(S.project(z), z, rtol=0, atol=TOLERANCE)


@threats
@pytest.mark.parametrize("reach", [0.5, 3.0, 1e6])
def test_projection_answers_with_a_member_and_is_idempotent(threat, reach):
    S = threat.at(images(B, 7))
    p = S.project(points(S, 8, reach))
    assert S.contains(p, TOLERANCE).all()
    torch.testing.assert_close(S.project(p), p, rtol=0, atol=TOLERANCE)


@threats
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_answers_are_members_without_tolerance(threat, dtype):
    x = images(40, 7, dtype)
    S = threat.at(x)
    gradient = directions(S, 1)[:, 0]
    for reach in (0.3, 0.9, 1.1, 3.0, 1e6):
        z = points(S, 8, reach)
        assert S.contains(S.project(z)).all()
        assert S.contains(S.project(S.steepest_step(S.project(z), gradient, S.radius, noise(9, 40)))).all()
    assert S.contains(S.sample(noise(9, 40))).all()


@threats
def test_a_step_to_the_sphere_itself_is_a_member_after_projection(threat):
    S = threat.at(images(200, 25))
    z = S.steepest_step(S.start, directions(S, 1)[:, 0], S.radius, noise(2, 200))
    assert S.contains(S.project(z)).all()


@threats
def test_projection_leaves_members_exactly_as_they_are(threat):
    S = threat.at(images(40, 7, torch.float32))
    for z in (S.sample(noise(6, 40)), S.project(points(S, 3))):
        assert torch.equal(S.project(z), z)


@threats
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_compiled_projections_are_those_of_torch(threat, dtype):
    S = threat.at(images(40, 24, dtype))
    if not isinstance(S, BallSet):
        pytest.skip("only balls in l_1 and l_2 have a compiled projection")
    for reach in (0.3, 1.1, 3.0, 1e4):
        z = points(S, 8, reach)
        z[::3] = S.sample(noise(1, 40))[::3]
        torch.testing.assert_close(
            S.project(z), S.plain_project(z), rtol=0, atol=1e-12 if z.dtype == torch.float64 else 1e-6
        )
        assert S.contains(S.plain_project(z)).all()


@pytest.mark.parametrize("threat", NEAREST, ids=label)
def test_no_member_is_nearer_than_the_projection(threat):
    S = threat.at(images(B, 9))
    for seed in range(5):
        z = points(S, seed)
        p = S.project(z)
        others = [S.sample(noise(seed)), S.project(points(S, seed + 50)), S.project(p + 0.1 * (S.sample(noise()) - p))]
        for other in others:
            assert ((p - z).flatten(1).norm(dim=1) <= (other - z).flatten(1).norm(dim=1) + TOLERANCE).all()


@certifiable
def test_projection_is_optimal_by_the_sets_own_support_function(threat):
    S = threat.at(images(B, 9))
    if not S.convex:
        pytest.skip("not convex: the nearest point need not be a supporting one")
    for seed in range(3):
        z = points(S, seed)
        p = S.project(z)
        normal = (z - p).unsqueeze(1)
        assert (S.support_function(normal) <= inner(normal, p) + TOLERANCE).all()


@certifiable
def test_support_function_bounds_members_and_is_attained(threat):
    S = threat.at(images(B, 10))
    c = directions(S, 4)
    support = S.support_function(c)
    for seed in range(5):
        assert (inner(c, S.sample(noise(seed))) <= support + TOLERANCE).all()
        assert (inner(c, S.project(points(S, seed))) <= support + TOLERANCE).all()
    for k in range(4):
        far = S.project(S.start + 1e7 * c[:, k])
        torch.testing.assert_close(inner(c, far)[:, k], support[:, k], rtol=0, atol=1e-6)


@pytest.mark.parametrize("threat", COVERED, ids=label)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_covers_hold_every_input_that_members_decode_to(threat, dtype):
    S = threat.at(images(B, 10, dtype))
    cover = S.cover()
    box = cover.bounding_box()
    assert cover.start.shape == (B, *SHAPE)
    for z in (S.start, S.sample(noise(3)), S.project(points(S, 4, 1e3)), S.project(points(S, 5))):
        image = S.decode(z)
        assert (box.lower <= image).all()
        assert (image <= box.upper).all()


@certifiable
@pytest.mark.parametrize("size", [1.0, 1e-3, 0.0])
def test_the_gradient_of_the_support_function_is_a_member_that_attains_it(threat, size):
    S = threat.at(images(B, 10))
    drawn = directions(S, 3)
    c = size * torch.stack([drawn[:, 0], drawn[:, 1].relu(), drawn[:, 2].sign(), drawn[:, 2].round()], 1)
    c.requires_grad_()
    support = S.support_function(c)
    (z,) = torch.autograd.grad(support.sum(), c)
    for k in range(4):
        assert S.contains(z[:, k], TOLERANCE).all()
    torch.testing.assert_close((c * z).flatten(2).sum(2), support, rtol=0, atol=TOLERANCE)


@certifiable
def test_the_support_functions_slope_in_the_radius_is_that_of_central_differences(threat):
    x = images(B, 11)
    S = threat.at(x)
    if getattr(S, "p", None) == 0:
        pytest.skip("a count of coordinates has no slope")
    c = directions(S, 3)
    scale = torch.tensor([0.47, 0.73, 0.9, 1.27, 1.53], dtype=x.dtype, requires_grad=True)  # 1 may be a kink
    (slope,) = torch.autograd.grad(threat.scaled(scale).at(x).support_function(c).sum(), scale)
    h = 1e-6
    with torch.no_grad():
        above, below = (threat.scaled(scale + d).at(x).support_function(c).sum(1) for d in (h, -h))
    torch.testing.assert_close(slope, (above - below) / (2 * h), rtol=1e-5, atol=1e-7)


@certifiable
def test_a_direction_that_is_no_number_has_no_finite_support(threat):
    S = threat.at(images(B, 10))
    c = directions(S, 3)
    c[:, 0, 0, 1, 2], c[:, 1, 0, 0, 0] = math.nan, math.inf
    support = S.support_function(c)
    assert not support[:, :2].isfinite().any()
    assert support[:, 2].isfinite().all()


@certifiable
def test_support_function_in_float32_is_as_good_as_a_few_roundings(threat):
    generator = torch.Generator().manual_seed(0)
    S, c = threat.at(images(B, 12, torch.float32)), directions(threat.at(images(B, 12, torch.float32)), 50)
    c = c * torch.exp(3 * torch.randn(c.shape, generator=generator))
    exact = threat.at(images(B, 12, torch.float32).double()).support_function(c.double())
    box = S.bounding_box()
    size = (c.abs() * box.magnitude.unsqueeze(1)).flatten(2).sum(2)
    unit = torch.finfo(torch.float32).eps / 2
    assert ((S.support_function(c) - exact).abs() <= 24 * unit * size).all()


@certifiable
def test_support_function_is_convex_and_positively_homogeneous(threat):
    S = threat.at(images(B, 11))
    a, b = directions(S, 3, 0), directions(S, 3, 1)
    torch.testing.assert_close(S.support_function(2.5 * a), 2.5 * S.support_function(a))
    assert (S.support_function(a + b) <= S.support_function(a) + S.support_function(b) + TOLERANCE).all()


@certifiable
def test_bounding_box_is_the_support_function_along_the_axes(threat):
    S = threat.at(images(B, 12))
    axes = torch.eye(math.prod(SHAPE), dtype=S.start.dtype).view(-1, *SHAPE).expand(B, -1, *SHAPE)
    box = S.bounding_box()
    torch.testing.assert_close(S.support_function(axes), box.upper.flatten(1), rtol=0, atol=TOLERANCE)
    torch.testing.assert_close(-S.support_function(-axes), box.lower.flatten(1), rtol=0, atol=TOLERANCE)


@threats
def test_steepest_step_has_its_length_and_attains_the_dual_norm(threat):
    S = threat.at(images(B, 13))
    if not isinstance(S, NormBall):
        pytest.skip("its norm is not known")
    if S.p == 0 or getattr(S, "coordinates", None):
        pytest.skip("steps of coordinates: tests/threats says what they do")
    gradient = directions(S, 1)[:, 0]
    length = torch.linspace(0.01, 0.2, B, dtype=S.start.dtype)
    z = S.sample(noise())
    gradient = torch.where((z - 0.5).abs() > 0.3, 0, gradient)  # a step may be cut at the border of the range
    step = S.steepest_step(z, gradient, length, noise()) - z
    dual = 1.0 if S.p == math.inf else math.inf if S.p == 1 else S.p / (S.p - 1)
    free = (S.weight > 0).expand_as(z).flatten(1).any(1)  # no step moves what is fixed
    torch.testing.assert_close(torch.linalg.vector_norm(weighed(S, step), S.p, dim=1), torch.where(free, length, 0))
    torch.testing.assert_close(S.size(step), torch.where(free, length, 0))
    gain = (step * gradient).flatten(1).sum(1)
    longest = torch.linalg.vector_norm((gradient * S.weight).flatten(1), dual, dim=1)
    torch.testing.assert_close(gain, length * longest)
    torch.testing.assert_close((gradient * S.dual_vector(gradient)).flatten(1).sum(1), longest)


def weighed(S, move):
    """Return a move in units of the set's norm along each axis."""
    return torch.where(move == 0, 0, move / S.weight).flatten(1)


@threats
def test_a_zero_gradient_gives_a_finite_step(threat):
    S = threat.at(images(B, 14))
    z = S.sample(noise())
    assert S.steepest_step(z, torch.zeros_like(z), S.radius, noise()).isfinite().all()


@threats
def test_members_of_a_norm_ball_are_the_points_within_its_radius(threat):
    S = threat.at(images(B, 15))
    if not isinstance(S, NormBall):
        pytest.skip("its norm is not known")
    z = S.project(points(S, 1, 50.0))
    expected = torch.linalg.vector_norm(weighed(S, z - S.start), S.p, dim=1)
    torch.testing.assert_close(S.distance(z), expected)
    assert (S.distance(z) <= S.radius + TOLERANCE).all()
    assert not S.contains(torch.full_like(z, torch.nan)).any()
    if S.p == 0 or (S.weight != 1).any():
        return
    S = threat.scaled((0.4 / S.radius).clamp(max=1)).at(S.start)  # small enough to leave the ball within the range
    outside = S.start.clone()
    outside[:, 0, 0, 0] += torch.where(outside[:, 0, 0, 0] > 0.5, -1, 1) * (S.radius + 1e-6)
    assert not S.contains(outside).any()
    assert S.contains(outside, 2e-6).all()


@threats
@pytest.mark.parametrize("index", [[4, 0], [2], [True, False, False, True, True]], ids=str)
def test_select_commutes_with_everything(threat, index):
    S = threat.at(images(B, 16))
    index = torch.tensor(index)
    T, z, gradient = S.select(index), points(S, 2), directions(S, 1)[:, 0]
    assert torch.equal(T.start, S.start[index])
    assert torch.equal(T.radius, S.radius[index])
    assert torch.equal(T.project(z[index]), S.project(z)[index])
    assert torch.equal(T.contains(z[index]), S.contains(z)[index])
    assert torch.equal(T.decode(z[index]), S.decode(z)[index])
    assert torch.equal(T.sample(noise().select(index)), S.sample(noise())[index])
    step = T.steepest_step(z[index], gradient[index], T.radius, noise().select(index))
    assert torch.equal(step, S.steepest_step(z, gradient, S.radius, noise())[index])
    if isinstance(S, CertifiableSet):
        c = directions(S, 3)
        torch.testing.assert_close(T.support_function(c[index]), S.support_function(c)[index], rtol=0, atol=1e-12)
        assert torch.equal(T.bounding_box().lower, S.bounding_box().lower[index])
        assert torch.equal(T.bounding_box().upper, S.bounding_box().upper[index])


@threats
def test_sets_of_no_example_answer_with_nothing(threat):
    S = threat.at(images(B, 16)).select(torch.zeros(B, dtype=torch.bool))
    none = noise(examples=0)
    for z in (S.sample(none), S.project(S.start), S.steepest_step(S.start, S.start, S.radius, none)):
        assert z.shape == (0, *S.start.shape[1:])
        assert S.decode(z).shape == (0, *SHAPE)
    assert S.contains(S.start).shape == (0,)


@threats
def test_scaled_multiplies_the_radius_and_keeps_the_range(threat):
    x = images(B, 17)
    half, factor = threat.scaled(0.5), torch.linspace(0.0, 2.0, B, dtype=x.dtype)
    torch.testing.assert_close(half.at(x).radius, 0.5 * threat.at(x).radius)
    torch.testing.assert_close(threat.scaled(factor).at(x).radius, factor * threat.at(x).radius)
    S, huge = threat.at(x), threat.scaled(1e3).at(x)
    if isinstance(S, CertifiableSet):
        box, inside = huge.bounding_box(), S.bounding_box()
        assert (box.lower <= inside.lower + TOLERANCE).all()
        assert (box.upper >= inside.upper - TOLERANCE).all()
    if getattr(threat, "within", None):
        low, high = threat.within
        image = huge.decode(huge.project(points(huge, 3, 50.0)))
        assert image.min() >= low
        assert image.max() <= high


@threats
def test_scaling_by_zero_leaves_the_unperturbed_point_alone(threat):
    S = threat.scaled(0.0).at(images(B, 18))
    torch.testing.assert_close(S.project(points(S)), S.start, rtol=0, atol=TOLERANCE)
    torch.testing.assert_close(S.sample(noise()), S.start, rtol=0, atol=TOLERANCE)


@threats
def test_a_radius_per_example_is_the_sets_of_the_single_radii(threat):
    x = images(B, 19)
    factors = torch.linspace(0.2, 1.5, B, dtype=x.dtype)
    S = threat.scaled(factors).at(x)
    z = points(S, 4)
    for i in range(B):
        single = threat.scaled(factors[i].item()).at(x[i : i + 1])
        torch.testing.assert_close(S.project(z)[i : i + 1], single.project(z[i : i + 1]), rtol=0, atol=1e-12)


@threats
def test_a_point_just_outside_the_range_is_taken_for_one_on_its_border(threat):
    x = images(B, 20, torch.float32)
    x[:, 0, 0, 0], x[:, 0, 0, 1] = 1 + 5e-7, -5e-7
    for S in (threat.at(x), threat.scaled(0.0).at(x)):
        assert S.contains(S.start).all()
        if isinstance(S, CertifiableSet):
            box = S.bounding_box()
            assert (box.lower <= box.upper).all()


@threats
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.2, 1.2])
def test_inputs_that_are_no_numbers_or_out_of_range_are_refused(threat, value):
    if math.isfinite(value) and getattr(threat, "within", None) is None:
        pytest.skip("every finite number is a valid input")
    x = images(B, 21)
    x[3, 0, 1, 2] = value
    with pytest.raises(InputError, match=r"nan|inf|-0\.2|1\.2"):
        threat.at(x)


@threats
@pytest.mark.parametrize(
    "x",
    [
        torch.zeros(2, *SHAPE, dtype=torch.uint8),
        torch.zeros(0, *SHAPE),
        torch.zeros(2, 0),
        torch.tensor(0.5),
        torch.zeros(3),
    ],
    ids=["bytes", "no example", "no pixel", "a number", "no batch"],
)
def test_inputs_that_are_no_batch_of_floats_are_refused(unchecked, threat, x):
    with pytest.raises(ShapeError):
        threat.at(x)


@threats
def test_a_radius_per_example_must_fit_the_batch(threat):
    with pytest.raises(ShapeError):
        threat.scaled(torch.ones(B + 1)).at(images(B, 22))


@threats
@pytest.mark.parametrize("factor", [-1.0, math.nan, math.inf, torch.tensor([1.0, math.nan])], ids=str)
def test_a_radius_that_is_no_radius_is_refused(threat, factor):
    if isinstance(factor, float) and factor == -1.0 and not torch.as_tensor(threat.eps).any():
        pytest.skip("0 * -1 is a radius")
    with pytest.raises(InputError):
        threat.scaled(factor)


@threats
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_sets_keep_the_precision_of_the_inputs(threat, dtype):
    S = threat.at(images(B, 23, dtype))
    assert S.sample(noise()).dtype == S.project(points(S)).dtype == S.radius.dtype == dtype


def per_example(threat):
    """Return the threat with a radius of its own for each of B inputs."""
    return threat.scaled(torch.linspace(0.5, 1.5, B, dtype=torch.float64))


@threats
@pytest.mark.parametrize("index", [[4, 0], [True, False, False, True, True], slice(1, 3)], ids=str)
def test_threats_are_selected_with_their_examples(threat, index):
    x, index = images(B, 24), index if isinstance(index, slice) else torch.tensor(index)
    for given in (threat, per_example(threat)):
        places = torch.arange(B)[index]
        S, T = given.at(x).select(places), given.select(index, x.shape).at(x[index])
        z, gradient, drawn = points(S, 2), directions(S, 1)[:, 0], noise(3).select(places)
        assert torch.equal(T.start, S.start)
        assert torch.equal(T.radius, S.radius)
        assert torch.equal(T.project(z), S.project(z))
        assert torch.equal(T.contains(z), S.contains(z))
        assert torch.equal(T.decode(z), S.decode(z))
        assert torch.equal(T.sample(drawn), S.sample(drawn))
        assert torch.equal(T.steepest_step(z, gradient, T.radius, drawn), S.steepest_step(z, gradient, S.radius, drawn))


@threats
def test_a_threat_to_another_number_of_examples_is_refused_with_both_numbers(threat):
    for count in (B - 1, B + 1):
        with pytest.raises(ShapeError, match=f"{B} rows for {count} examples"):
            per_example(threat).select(slice(0, 1), (count, *SHAPE))
