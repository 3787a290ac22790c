//! The rotary embedding of one row of a head, and its gradient.

use super::Row;

/// Rotates `x: [e]` by the angles of `position` and scales it, into `out`.
#[inline(always)]
pub(super) fn rotate(x: &[f32], row: &Row<'_>, position: usize, scale: f32, out: &mut [f32]) {
    let half = x.len() / 2;
    let (cos, sin) = row.rotary.split_at(row.rotary.len() / 2);
    let (cos, sin) = (&cos[position * half..][..half], &sin[position * half..][..half]);
    let (a, b) = x.split_at(half);
    let (out_a, out_b) = out.split_at_mut(half);
    let (b, out_b) = (&b[..half], &mut out_b[..half]);
    for j in 0..half {
        out_a[j] = (a[j] * cos[j] - b[j] * sin[j]) * scale;
        out_b[j] = (b[j] * cos[j] + a[j] * sin[j]) * scale;
    }
}

/// The gradient of [`rotate`]: the rotation backwards.
#[inline(always)]
pub(super) fn unrotate(grad: &[f32], row: &Row<'_>, position: usize, scale: f32, out: &mut [f32]) {
    let half = out.len() / 2;
    let (cos, sin) = row.rotary.split_at(row.rotary.len() / 2);
    let (cos, sin) = (&cos[position * half..][..half], &sin[position * half..][..half]);
    let (a, b) = (&grad[..half], &grad[half..2 * half]);
    let (out_a, out_b) = out.split_at_mut(half);
    // Of known length, or the loop is not vectors.
    let out_b = &mut out_b[..half];
    for j in 0..half {
        out_a[j] = (a[j] * cos[j] + b[j] * sin[j]) * scale;
        out_b[j] = (b[j] * cos[j] - a[j] * sin[j]) * scale;
    }
}
