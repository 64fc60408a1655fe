"""Operators that compute nothing: what they move, and which move nothing at all. For workers: imports torch.

Convention: a value that is chosen, cast, padded or copied is no operation. Views and allocations without a value are free.
"""

from __future__ import annotations

from collections.abc import Mapping

from harness.meters.flops.cost import Cost, Formula
from harness.meters.flops.elements import named
from harness.meters.flops.spec import Call


def moves(call: Call) -> Cost:
    """Cost moving data: all operands read, all results written."""
    return Cost()


def free(call: Call) -> Cost:
    """Cost a view, a question about a tensor, an allocation without a value: nothing."""
    return Cost({}, read=0, written=0)


def fills(call: Call) -> Cost:
    """Cost writing values that come from nowhere: nothing is read."""
    return Cost({}, read=0)


def copies(call: Call) -> Cost:
    """Cost writing one tensor over another: the old values are not read."""
    return Cost({}, read=call.read_only_bytes)


def spreads_gradient(call: Call) -> Cost:
    """Cost writing a gradient into zeros of the input's size."""
    return Cost({}, read=call.gradient.nbytes)


TABLE: Mapping[str, Formula] = {
    **named(moves, "clone _to_copy where masked_fill masked_scatter masked_select nonzero nonzero_static cat stack _stack _chunk_cat"),
    **named(moves, "constant_pad_nd reflection_pad1d reflection_pad2d reflection_pad3d"),
    **named(moves, "replication_pad1d replication_pad2d replication_pad3d repeat repeat_interleave roll flip rot90 tril triu"),
    **named(moves, "pixel_shuffle pixel_unshuffle channel_shuffle native_channel_shuffle im2col diag_embed block_diag complex int_repr"),
    **named(moves, "to_padded_tensor _pack_padded_sequence _nested_tensor_from_mask _nested_from_padded _nested_tensor_from_tensor_list"),
    **named(moves, "_nested_from_padded_tensor _nested_tensor_from_mask_left_aligned _jagged_to_padded_dense_forward"),
    **named(moves, "_padded_dense_to_jagged_forward max_unpool2d max_unpool3d as_strided_scatter slice_scatter select_scatter"),
    **named(moves, "diagonal_scatter _to_dense _to_sparse _to_sparse_csr _to_sparse_csc _to_sparse_bsr _to_sparse_bsc sparse_mask"),
    **named(moves, "to_mkldnn _pin_memory _lazy_clone _copy_from _foreach_clone masked_scatter_backward lu_unpack resize_as"),
    **named(moves, "_sparse_coo_tensor_with_dims_and_tensors _convert_indices_from_coo_to_csr quantized::cat"),
    **named(moves, "_convert_indices_from_csr_to_coo"),
    **named(copies, "copy _foreach_copy"),
    **named(fills, "zeros ones full zeros_like ones_like full_like new_zeros new_ones new_full fill zero arange range linspace logspace"),
    **named(fills, "eye scalar_tensor tril_indices triu_indices hann_window hamming_window blackman_window bartlett_window kaiser_window"),
    **named(fills, "_foreach_zero fft_fftfreq fft_rfftfreq _efficientzerotensor"),
    **named(spreads_gradient, "slice_backward select_backward diagonal_backward _nested_select_backward"),
    **named(free, "empty empty_like new_empty empty_strided new_empty_strided empty_permuted _unsafe_view unsafe_split"),
    **named(free, "unsafe_split_with_sizes unsafe_chunk resize set detach squeeze unsqueeze transpose t as_strided lift"),
    **named(free, "_local_scalar_dense _fused_sdp_choice _linalg_check_errors _assert_async _assert_scalar _assert_tensor_metadata"),
    **named(free, "_functional_assert_async _functional_assert_scalar sym_constrain_range sym_constrain_range_for_size _print"),
    **named(free, "is_same_size is_set_to is_pinned is_coalesced record_stream dense_dim sparse_dim _nnz _dimI _dimV _coalesced"),
    **named(free, "_has_same_storage_numel _nested_tensor_size _nested_tensor_strides _nested_tensor_storage_offsets"),
    **named(free, "_nested_get_jagged_dummy _nested_get_offsets _nested_get_lengths _nested_get_ragged_idx _nested_get_min_seqlen"),
    **named(free, "_nested_get_max_seqlen _nested_compute_contiguous_strides_offsets _cudnn_init_dropout_state _cudnn_rnn_flatten_weight"),
    **named(free, "q_scale q_zero_point q_per_channel_scales q_per_channel_zero_points q_per_channel_axis qscheme _empty_affine_quantized"),
    **named(free, "_sparse_coo_tensor_with_dims _sparse_compressed_tensor_with_dims sparse_resize _validate_compressed_sparse_indices"),
    **named(free, "_use_cudnn_ctc_loss _new_zeros_with_same_feature_meta _make_dep_token"),
    **named(free, "quantized::linear_prepack quantized::linear_unpack quantized::conv2d_prepack quantized::conv2d_unpack"),
}
"""Their formulas by operator."""
