"""The table of formulas: one line an operator or a family, with the source of each convention. For workers: imports torch.

Names are ATen's without `aten::` and without the mark of the in-place version; other namespaces are written out. A name with its overload
(`max.other`) wins over the name alone. What is not here is looked up by torch's own tags in `rules.py`: views are free, what is tagged point-wise
costs one operation an element, what is tagged a reduction n - 1. What is left is reported as uncounted.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from harness.meters.flops import elements, encoder, lookup, movement, normalize, products, recurrent, reduce, sampling, spectral
from harness.meters.flops.cost import Formula
from harness.meters.flops.elements import named, per_element
from harness.meters.flops.recurrent import GRU, LSTM, RELU, TANH
from harness.meters.flops.sampling import CUBIC, LANCZOS, LINEAR
from harness.meters.flops.spectral import per_matrix

# Two operations a multiply-accumulate (torch.utils.flop_counter); a complex one is four real ones; a sparse operand costs what it stores.
_PRODUCTS: Mapping[str, Formula] = {
    **named(products.matmul, "mm bmm _int_mm _sparse_mm hspmm"),
    **named(partial(products.matmul, right="vec"), "mv"),
    **named(partial(products.matmul, right="other"), "matmul vdot"),
    **named(partial(products.matmul, right="tensor"), "dot"),
    **named(partial(products.accumulated_matmul, left="mat1", right="mat2"), "addmm _sparse_addmm _addmm_activation sspaddmm"),
    **named(partial(products.accumulated_matmul, left="mat", right="vec"), "addmv"),
    **named(partial(products.accumulated_matmul, left="batch1", right="batch2"), "baddbmm addbmm"),
    **named(products.sampled_matmul, "sparse_sampled_addmm"),  # only where the result is stored
    **named(per_element(2), "addr"),  # an outer product and a sum
    **named(products.linear, "linear"),
    **named(partial(products.linear, x="self"), "mkldnn_linear"),
    **named(products.scaled_matmul, "_scaled_mm _scaled_mm_v2"),  # 8-bit floats; the scale is one product an element of the result
    **named(products.scaled_matmul, "_weight_int8pack_mm"),  # weights are expanded, the products are floating-point ones
    **named(products.scaled_matmul, "_weight_int4pack_mm _weight_int4pack_mm_for_cpu"),
    **named(products.grouped_matmul, "_grouped_mm _scaled_grouped_mm"),
    **named(products.convolution, "convolution _convolution convolution_overrideable"),
    **named(products.convolution_tbc, "conv_tbc"),
    **named(products.convolution_backward, "convolution_backward"),  # input and weight: what the forward pass cost, each
    **named(products.distances, "_cdist_forward"),  # by one product of lengthened vectors above 25 rows, as torch does
    **named(products.distances_by_products, "_euclidean_dist"),
    **named(products.distances_backward, "_cdist_backward"),
    **named(products.pair_distances, "_pdist_forward"),
    **named(products.pair_distances_backward, "_pdist_backward"),
}

_RAGGED = ("cum_seq_q", "cum_seq_k", "cu_seqlens_q", "cu_seqlens_k")
# Whole score matrices: causal masks are not halved, the fused backward pass computes the scores again (torch.utils.flop_counter, both).
_ATTENTION: Mapping[str, Formula] = {
    **named(products.attention, "_scaled_dot_product_flash_attention_for_cpu _scaled_dot_product_flash_attention"),
    **named(partial(products.attention, mask="attn_bias"), "_scaled_dot_product_efficient_attention"),
    **named(partial(products.attention, mask="attn_bias"), "_scaled_dot_product_cudnn_attention"),
    **named(partial(products.attention, mask="attn_bias"), "_scaled_dot_product_fused_attention_overrideable"),
    **named(products.attention_backward, "_scaled_dot_product_flash_attention_for_cpu_backward"),
    **named(products.attention_backward, "_scaled_dot_product_flash_attention_backward"),
    **named(partial(products.attention_backward, mask="attn_bias"), "_scaled_dot_product_efficient_attention_backward"),
    **named(partial(products.attention_backward, mask="attn_bias"), "_scaled_dot_product_cudnn_attention_backward"),
    **named(partial(products.attention_backward, mask="attn_bias"), "_scaled_dot_product_fused_attention_overrideable_backward"),
    **named(partial(products.varlen_attention, bounds=_RAGGED), "_flash_attention_forward _efficient_attention_forward"),
    **named(partial(products.varlen_attention_backward, bounds=_RAGGED), "_flash_attention_backward _efficient_attention_backward"),
    **named(encoder.multi_head_attention, "_native_multi_head_attention"),
    **named(encoder.encoder_layer, "_transformer_encoder_layer_fwd"),
}

# Gates: LSTM 4, GRU 3, plain 1; an activation is one transcendental operation; the backward pass is two forward ones.
_RECURRENT: Mapping[str, Formula] = {
    **named(recurrent.fused_layer, "mkldnn_rnn_layer"),
    **named(recurrent.fused_layer_backward, "mkldnn_rnn_layer_backward"),
    **named(recurrent.stacked, "_cudnn_rnn miopen_rnn"),
    **named(recurrent.stacked_backward, "_cudnn_rnn_backward miopen_rnn_backward"),
    **named(partial(recurrent.fused_cell, mode=LSTM), "_thnn_fused_lstm_cell"),
    **named(partial(recurrent.fused_cell, mode=GRU), "_thnn_fused_gru_cell"),
    **named(partial(recurrent.fused_cell_backward, mode=LSTM), "_thnn_fused_lstm_cell_backward_impl"),
    **named(partial(recurrent.fused_cell_backward, mode=GRU), "_thnn_fused_gru_cell_backward"),
    **named(partial(recurrent.quantized_stack, mode=LSTM), "quantized_lstm"),
    **named(partial(recurrent.quantized_stack, mode=GRU), "quantized_gru"),
    **named(partial(recurrent.quantized_cell, mode=LSTM), "quantized::quantized_lstm_cell_dynamic"),
    **named(partial(recurrent.quantized_cell, mode=GRU), "quantized::quantized_gru_cell_dynamic"),
    **named(partial(recurrent.quantized_cell, mode=TANH), "quantized::quantized_rnn_tanh_cell_dynamic"),
    **named(partial(recurrent.quantized_cell, mode=RELU), "quantized::quantized_rnn_relu_cell_dynamic"),
}

# Written out operation by operation; a root or a division is one operation, an exp or a log one transcendental one.
_NORMALIZED: Mapping[str, Formula] = {
    **named(normalize.softmax, "_softmax _safe_softmax softmax _masked_softmax"),
    **named(normalize.log_softmax, "_log_softmax log_softmax"),
    **named(normalize.softmax_backward, "_softmax_backward_data _masked_softmax_backward"),
    **named(normalize.log_softmax_backward, "_log_softmax_backward_data"),
    **named(normalize.layer_norm, "native_layer_norm"),
    **named(normalize.rms_norm, "_fused_rms_norm rms_norm"),
    **named(normalize.group_norm, "native_group_norm"),
    **named(normalize.batch_norm, "native_batch_norm _native_batch_norm_legit _native_batch_norm_legit_functional"),
    **named(normalize.batch_norm, "cudnn_batch_norm miopen_batch_norm"),
    **named(partial(normalize.batch_norm, training=False), "_native_batch_norm_legit_no_training _batch_norm_no_update"),
    **named(partial(normalize.batch_norm, training=True), "_batch_norm_with_update _batch_norm_with_update_functional"),
    **named(normalize.layer_norm_backward, "native_layer_norm_backward native_group_norm_backward"),
    **named(normalize.batch_norm_backward, "native_batch_norm_backward batch_norm_backward cudnn_batch_norm_backward"),
    **named(normalize.rms_norm_backward, "_fused_rms_norm_backward"),
    **named(normalize.renorm, "renorm"),
    **named(normalize.weight_norm, "_weight_norm_interface"),
    **named(normalize.weight_norm_backward, "_weight_norm_interface_backward"),
}

# n - 1 operations fold n numbers into one; a mean takes one more, the division.
_REDUCED: Mapping[str, Formula] = {
    **named(reduce.fold, "max min trace _is_all_true _is_any_true _sparse_sum _sparse_csr_sum"),
    **named(per_element(1), "max.other min.other"),
    **named(partial(reduce.fold, each=2), "aminmax _aminmax"),
    **named(reduce.mean, "mean"),
    **named(reduce.variance, "var var_mean"),
    **named(partial(reduce.variance, root=True), "std std_mean"),
    **named(reduce.norm, "norm"),
    **named(partial(reduce.norm, order="ord"), "linalg_vector_norm"),
    **named(reduce.power_sum, "linalg__powsum"),
    **named(reduce.norms_of_each, "_foreach_norm _foreach_powsum"),
    **named(reduce.folds_of_each, "_foreach_max"),
    **named(reduce.log_sum_exp, "logsumexp"),
    **named(reduce.scan, "cumsum cumprod _cummax_helper _cummin_helper cummax cummin"),
    **named(reduce.log_scan, "logcumsumexp _logcumsumexp"),
    **named(partial(reduce.pool, axes=1), "avg_pool1d"),
    **named(partial(reduce.pool, axes=2), "avg_pool2d"),
    **named(partial(reduce.pool, axes=3), "avg_pool3d"),
    **named(partial(reduce.pool, axes=2, folds=True), "max_pool2d_with_indices mkldnn_max_pool2d fractional_max_pool2d"),
    **named(partial(reduce.pool, axes=3, folds=True), "max_pool3d_with_indices mkldnn_max_pool3d fractional_max_pool3d"),
    **named(partial(reduce.pool_backward, axes=2), "avg_pool2d_backward"),
    **named(partial(reduce.pool_backward, axes=3), "avg_pool3d_backward"),
    **named(partial(reduce.adaptive_pool, axes=1), "adaptive_avg_pool1d"),
    **named(partial(reduce.adaptive_pool, axes=2), "_adaptive_avg_pool2d adaptive_avg_pool2d"),
    **named(partial(reduce.adaptive_pool, axes=3), "_adaptive_avg_pool3d adaptive_avg_pool3d"),
    **named(partial(reduce.adaptive_pool, axes=2, folds=True), "adaptive_max_pool2d"),
    **named(partial(reduce.adaptive_pool, axes=3, folds=True), "adaptive_max_pool3d"),
    **named(partial(reduce.adaptive_pool_backward, axes=2), "_adaptive_avg_pool2d_backward"),
    **named(partial(reduce.adaptive_pool_backward, axes=3), "_adaptive_avg_pool3d_backward adaptive_avg_pool3d_backward"),
    **named(reduce.adds_gradients, "max_pool2d_with_indices_backward max_pool3d_with_indices_backward"),
    **named(reduce.adds_gradients, "adaptive_max_pool2d_backward adaptive_max_pool3d_backward"),
    **named(reduce.adds_gradients, "fractional_max_pool2d_backward fractional_max_pool3d_backward"),
    **named(reduce.adds_gradients, "reflection_pad1d_backward reflection_pad2d_backward reflection_pad3d_backward"),
    **named(reduce.adds_gradients, "replication_pad1d_backward replication_pad2d_backward replication_pad3d_backward"),
    **named(reduce.adds_gradients, "unfold_backward"),
    **named(reduce.adds_patches, "col2im"),
    **named(partial(reduce.loss, each=2), "mse_loss"),  # difference, square
    **named(partial(reduce.loss, each=4), "smooth_l1_loss huber_loss"),  # difference, size, square, scale
    **named(partial(reduce.loss, each=4, transcendental=2), "binary_cross_entropy"),  # 1 - x, two products, a sum, two logarithms
    **named(partial(reduce.loss, each=3), "multi_margin_loss multilabel_margin_loss_forward"),  # difference, hinge, sum of a class
    **named(reduce.nll_loss, "nll_loss_forward nll_loss2d_forward"),
    **named(reduce.nll_loss_backward, "nll_loss_backward nll_loss2d_backward"),
    **named(reduce.ctc_loss, "_ctc_loss"),
    **named(reduce.ctc_loss_backward, "_ctc_loss_backward"),
}

# 5 n log2 n a transform (FFTW); leading terms of Golub and Van Loan, Matrix Computations, 4th edition; complex matrices four times.
_SPECTRAL: Mapping[str, Formula] = {
    **named(spectral.fft, "_fft_c2c _fft_r2c _fft_c2r"),
    **named(per_matrix(spectral.lu, "A"), "linalg_lu_factor_ex linalg_lu _linalg_det _linalg_slogdet"),  # m n² - n³/3
    **named(per_matrix(lambda _, n: 2 * n**3, "A"), "linalg_inv_ex"),  # LU and n solves
    **named(per_matrix(lambda _, n: n**3 / 3), "linalg_cholesky_ex cholesky linalg_ldl_factor_ex"),
    **named(per_matrix(lambda _, n: 2 * n**3 / 3), "cholesky_inverse"),
    **named(partial(spectral.solve, matrix="A", right="B", factor=2 / 3, passes=2), "_linalg_solve_ex"),  # LU, two triangular solves
    **named(partial(spectral.solve, matrix="LU", right="B", factor=0, passes=2), "linalg_lu_solve"),
    **named(partial(spectral.solve, matrix="LD", right="B", factor=0, passes=2), "linalg_ldl_solve"),
    **named(partial(spectral.solve, matrix="input2", right="self", factor=0, passes=2), "cholesky_solve"),
    **named(partial(spectral.solve, matrix="A", right="self", factor=0, passes=2), "_cholesky_solve_helper"),
    **named(partial(spectral.solve, matrix="self", right="B", factor=0, passes=1), "linalg_solve_triangular"),
    **named(partial(spectral.solve, matrix="A", right="self", factor=0, passes=1), "triangular_solve"),
    **named(spectral.qr, "linalg_qr"),
    **named(per_matrix(spectral.householder), "geqrf"),  # 2 n² (m - n/3)
    **named(partial(spectral.reflections, reflectors="input", scales="tau"), "linalg_householder_product"),
    **named(partial(spectral.reflections, reflectors="self", scales="input2", target="input3"), "ormqr"),
    **named(spectral.eigh, "_linalg_eigh"),
    **named(per_matrix(lambda _, n: 4 / 3 * n**3), "linalg_eigvalsh"),  # whole in inference mode; elsewhere torch takes vectors too
    **named(per_matrix(lambda _, n: 25 * n**3), "linalg_eig"),  # Hessenberg form, QR iteration, vectors
    **named(per_matrix(lambda _, n: 10 * n**3), "linalg_eigvals _linalg_eigvals"),
    **named(spectral.svd, "_linalg_svd"),
    **named(spectral.singular_values, "linalg_svdvals"),
    **named(spectral.least_squares, "linalg_lstsq"),
    # A Taylor polynomial of degree 18 in five products; the squarings before it depend on values and are left out: a lower bound.
    **named(per_matrix(lambda _, n: 10 * n**3), "linalg_matrix_exp"),
    **named(per_element(3), "linalg_cross"),  # two products and a difference
}

# One look-up an index; sorting n ceil(log2 n) comparisons; a gathered row is read, the rest of the table is not.
_LOOKED_UP: Mapping[str, Formula] = {
    **named(partial(lookup.gather, index="indices"), "embedding"),
    **named(lookup.gather, "gather index_select take"),
    **named(lookup.index, "index _unsafe_index"),
    **named(lookup.index_put, "index_put _index_put_impl _unsafe_index_put"),
    **named(lookup.scatter, "scatter put"),
    **named(partial(lookup.scatter, adds=True), "scatter_add scatter_reduce scatter.reduce"),
    **named(lookup.scatter_rows, "index_copy"),
    **named(partial(lookup.scatter_rows, adds=True), "index_add index_reduce"),
    **named(lookup.fill_rows, "index_fill"),
    **named(lookup.embedding_bag, "_embedding_bag _embedding_bag_forward_only"),
    **named(lookup.embedding_bag, "quantized::embedding_bag_byte quantized::embedding_bag_4bit quantized::embedding_byte"),
    **named(lookup.embedding_backward, "embedding_dense_backward _embedding_bag_backward _embedding_bag_dense_backward"),
    **named(lookup.embedding_weights_backward, "_embedding_bag_per_sample_weights_backward"),
    **named(lookup.segment, "segment_reduce _segment_reduce_backward"),
    **named(lookup.bins, "bincount histc histogram"),
    **named(lookup.sort, "sort mode"),
    **named(lookup.sort_all, "_unique _unique2 unique_dim _coalesce"),
    **named(lookup.consecutive, "unique_consecutive unique_dim_consecutive"),
    **named(lookup.top_k, "topk"),
    **named(lookup.select_order, "median nanmedian kthvalue"),
    **named(lookup.search, "searchsorted bucketize"),
    **named(lookup.membership, "isin"),
    **named(lookup.draw, "rand randn randint randperm normal uniform bernoulli binomial poisson multinomial exponential geometric random"),
    **named(lookup.draw, "rand_like randn_like randint_like log_normal cauchy _standard_gamma _sample_dirichlet normal_functional"),
    **named(lookup.dropout, "native_dropout _fused_dropout"),
    **named(partial(sampling.grid, axes=2), "grid_sampler_2d cudnn_grid_sampler _grid_sampler_2d_cpu_fallback"),
    **named(partial(sampling.grid, axes=3), "grid_sampler_3d"),
    **named(partial(sampling.grid, axes=2, backward=True), "grid_sampler_2d_backward cudnn_grid_sampler_backward"),
    **named(partial(sampling.grid, axes=3, backward=True), "grid_sampler_3d_backward"),
    **named(sampling.nearest, "upsample_nearest1d upsample_nearest2d upsample_nearest3d"),
    **named(sampling.nearest, "_upsample_nearest_exact1d _upsample_nearest_exact2d _upsample_nearest_exact3d"),
    **named(partial(sampling.resize, per_axis=LINEAR, axes=1), "upsample_linear1d"),  # t neighbours: t products, t - 1 sums
    **named(partial(sampling.resize, per_axis=LINEAR, axes=2), "upsample_bilinear2d"),
    **named(partial(sampling.resize, per_axis=LINEAR, axes=3), "upsample_trilinear3d"),
    **named(partial(sampling.resize, per_axis=CUBIC, axes=2), "upsample_bicubic2d"),
    **named(partial(sampling.resize_backward, per_axis=LINEAR, axes=1), "upsample_linear1d_backward"),
    **named(partial(sampling.resize_backward, per_axis=LINEAR, axes=2), "upsample_bilinear2d_backward"),
    **named(partial(sampling.resize_backward, per_axis=LINEAR, axes=3), "upsample_trilinear3d_backward"),
    **named(partial(sampling.resize_backward, per_axis=CUBIC, axes=2), "upsample_bicubic2d_backward"),
    **named(partial(sampling.resize_smooth, per_axis=LINEAR), "_upsample_bilinear2d_aa"),
    **named(partial(sampling.resize_smooth, per_axis=CUBIC), "_upsample_bicubic2d_aa"),
    **named(partial(sampling.resize_smooth, per_axis=LANCZOS), "_upsample_lanczos2d_aa"),
    **named(partial(sampling.resize_smooth_backward, per_axis=LINEAR), "_upsample_bilinear2d_aa_backward"),
    **named(partial(sampling.resize_smooth_backward, per_axis=CUBIC), "_upsample_bicubic2d_aa_backward"),
    **named(partial(sampling.resize_smooth_backward, per_axis=LANCZOS), "_upsample_lanczos2d_aa_backward"),
    **named(reduce.adds_gradients, "upsample_nearest1d_backward upsample_nearest2d_backward upsample_nearest3d_backward"),
    **named(reduce.adds_gradients, "_upsample_nearest_exact1d_backward _upsample_nearest_exact2d_backward"),
}

# Products of packed 8-bit weights are 8-bit operations, two a multiply-accumulate; entering costs range and rounding, leaving a scale and a shift.
_QUANTIZED: Mapping[str, Formula] = {
    **named(products.quantized_linear, "quantized::linear quantized::linear_relu quantized::linear_leaky_relu quantized::linear_tanh"),
    **named(products.quantized_linear, "quantized::linear_dynamic quantized::linear_relu_dynamic"),
    **named(products.quantized_linear, "quantized::linear_dynamic_fp16 quantized::linear_relu_dynamic_fp16"),
    **named(products.quantized_convolution, "quantized::conv1d quantized::conv2d quantized::conv3d"),
    **named(products.quantized_convolution, "quantized::conv1d_relu quantized::conv2d_relu quantized::conv3d_relu"),
    **named(products.quantized_convolution, "quantized::conv1d_dynamic quantized::conv2d_dynamic quantized::conv3d_dynamic"),
    **named(partial(products.matmul, left="qa", right="qb"), "quantized::matmul"),
    **named(elements.on_integers, "quantized::add quantized::add_relu quantized::mul quantized::mul_relu quantized::add_scalar"),
    **named(elements.on_integers, "quantized::mul_scalar quantized::relu6 quantized::leaky_relu quantized::hardswish"),
    **named(elements.on_integers, "quantized::clamp quantized::threshold quantized::sigmoid quantized::elu"),
}

# One evaluation of a library function is one transcendental operation; an activation built on one adds its own arithmetic, written beside it.
_ELEMENTS: Mapping[str, Formula] = {
    **named(per_element(0, 1), "exp exp2 expm1 log log2 log10 log1p sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh"),
    **named(per_element(0, 1), "sigmoid erf erfc erfinv lgamma digamma polygamma i0 igamma igammac mvlgamma float_power angle"),
    **named(per_element(0, 1), "special_entr special_erfcx special_ndtri special_log_ndtr special_i0e special_i1 special_i1e"),
    **named(per_element(0, 1), "special_zeta special_airy_ai special_bessel_j0 special_bessel_j1 special_bessel_y0 special_bessel_y1"),
    **named(per_element(0, 1), "special_modified_bessel_i0 special_modified_bessel_i1 special_modified_bessel_k0"),
    **named(per_element(0, 1), "special_modified_bessel_k1"),
    **named(elements.power, "pow"),  # exponents that torch makes of products and roots count as those
    **named(elements.gelu, "gelu"),  # 0.5 x (1 + erf(x / √2)), or the tanh form
    **named(elements.gelu_backward, "gelu_backward"),
    **named(per_element(1, 1), "silu xlogy special_xlog1py sinc softplus_backward"),  # x sigmoid(x), x log(y)
    **named(per_element(1, 1), "elu celu glu"),  # alpha (exp(x) - 1); a sigmoid(b)
    **named(per_element(5, 1), "silu_backward"),  # g s (1 + x (1 - s))
    **named(per_element(1, 3), "mish"),  # x tanh(log(1 + exp(x)))
    **named(per_element(0, 2), "softplus log_sigmoid_forward"),  # log(1 + exp(x))
    **named(per_element(2, 1), "selu elu_backward log_sigmoid_backward logit glu_backward"),
    **named(per_element(3, 2), "logaddexp logaddexp2"),  # max + log(1 + exp(-|difference|))
    **named(per_element(2, 2), "polar"),
    **named(per_element(3), "sigmoid_backward tanh_backward"),  # g y (1 - y), g (1 - y²)
    **named(per_element(4), "hardswish hypot binary_cross_entropy_backward"),  # x min(max(x + 3, 0), 6) / 6
    **named(per_element(3), "hardsigmoid lerp hardswish_backward huber_loss_backward smooth_l1_loss_backward"),
    **named(per_element(3), "multi_margin_loss_backward multilabel_margin_loss_backward"),
    **named(per_element(2), "addcmul addcdiv mse_loss_backward native_dropout_backward _masked_scale _prelu_kernel_backward"),
    **named(per_element(1), "_prelu_kernel hardtanh_backward leaky_relu_backward hardshrink_backward softshrink_backward"),
    **named(per_element(1), "hardsigmoid_backward floor_divide rrelu_with_noise rrelu_with_noise_backward _add_relu"),
    **named(per_element(6), "fake_quantize_per_tensor_affine_cachemask fake_quantize_per_channel_affine_cachemask"),  # to the grid and back
    **named(per_element(6), "_fake_quantize_per_tensor_affine_cachemask_tensor_qparams _fused_moving_avg_obs_fq_helper"),
    **named(per_element(6), "_fake_quantize_learnable_per_tensor_affine _fake_quantize_learnable_per_channel_affine"),
    **named(per_element(3), "quantize_per_tensor quantize_per_channel quantize_per_tensor_dynamic"),  # product, sum, rounding
    **named(per_element(2), "dequantize"),  # difference, product
    **named(elements.optimizer(14), "_fused_adam _fused_adamw"),  # moments 3 + 4, corrections 2, root, epsilon, quotient, step, decay
    **named(elements.optimizer(4), "_fused_sgd"),  # momentum 2, step 2
    **named(elements.optimizer(5), "_fused_adagrad"),  # square, sum, root, quotient, step
}

TABLE: Mapping[str, Formula] = {
    **_PRODUCTS,
    **_ATTENTION,
    **_RECURRENT,
    **_NORMALIZED,
    **_REDUCED,
    **_SPECTRAL,
    **_LOOKED_UP,
    **_QUANTIZED,
    **_ELEMENTS,
    **movement.TABLE,
}
"""Every formula by operator."""
