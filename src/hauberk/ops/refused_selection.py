"""Operators that sort, sample or multiply many values, and have no bound yet."""

import torch

from hauberk.concepts.lowering import refuses

aten = torch.ops.aten

refuses(
    "which elements it takes depends on the input: use a maximum (amax, MaxPool) or a mean instead",
    *(aten.sort.default, aten.sort.stable, aten.topk.default, aten.kthvalue.default, aten.mode.default),
    *(aten.median.dim, aten.median.default, aten.nanmedian.dim, aten.argsort.default, aten.msort.default),
    *(aten.max_unpool2d.default, aten.max_unpool3d.default, aten.nonzero.default, aten.masked_select.default),
    *(aten.cummax.default, aten.cummin.default, aten.unique_dim.default),
)
refuses("write log(cumsum(exp(z))), which is bounded", aten.logcumsumexp.default)
refuses(
    "it factorizes matrices that depend on the input: use products alone",
    *(aten.linalg_det.default, aten.linalg_inv_ex.default, aten.linalg_inv.default, aten.linalg_solve.default),
)
refuses(
    "it takes NaN for zero, and a NaN in the network must stay one: use the plain sum or mean",
    *(aten.nansum.default, aten.nanmean.default, aten.nan_to_num.default),
)
refuses(
    "it samples at positions that no rule follows: use torch.nn.functional.interpolate, whose positions are fixed",
    *(aten.grid_sampler.default, aten.grid_sampler_2d.default, aten.grid_sampler_3d.default),
    *(aten.affine_grid_generator.default, aten.fractional_max_pool2d.default, aten.fractional_max_pool3d.default),
)
refuses(
    "it moves values between places of one tensor: concatenate or stack the parts instead",
    *(aten.index_add.default, aten.index_copy.default, aten.index_put.default, aten.index_fill.int_Scalar),
    *(aten.scatter.src, aten.scatter.value, aten.scatter_add.default, aten.scatter_reduce.two, aten.as_strided.default),
    *(
        aten.select_scatter.default,
        aten.slice_scatter.default,
        aten.diagonal_scatter.default,
        aten.masked_scatter.default,
    ),
    *(aten.fill.Scalar, aten.fill.Tensor, aten.copy.default, aten.put.default, aten.take.default),
)
refuses(
    "it rounds, and a step has no slope that bounds could follow: evaluate the network by attacks alone",
    *(aten.floor_divide.default, aten.remainder.Scalar, aten.remainder.Tensor, aten.fmod.Scalar, aten.frac.default),
    *(aten.div.Tensor_mode, aten.div.Scalar_mode, aten.heaviside.default, aten.bucketize.Tensor),
    *(aten.gt.Tensor, aten.ge.Tensor, aten.lt.Tensor, aten.le.Tensor, aten.eq.Scalar, aten.eq.Tensor),
    *(aten.ne.Scalar, aten.ne.Tensor, aten.logical_not.default, aten.signbit.default),
)
refuses(
    "it computes with complex numbers: write the transform as a matrix product",
    *(aten.fft_fft.default, aten.fft_rfft.default, aten.fft_fft2.default, aten.fft_rfft2.default, aten.stft.default),
    *(aten.fft_ifft.default, aten.fft_irfft.default, aten.complex.default, aten.view_as_complex.default),
)
refuses(
    "recurrent layers are bounded if they have batch_first=True and no packed sequences",
    *(aten.rnn_tanh.input, aten.rnn_relu.input, aten.gru.input, aten.lstm.input),
    *(aten.rnn_tanh.data, aten.rnn_relu.data, aten.gru.data, aten.lstm.data),
)
