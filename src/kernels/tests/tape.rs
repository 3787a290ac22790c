//! A block that reads what was taped against one that computes it.

use std::sync::Arc;

use burn::tensor::Tensor;

use super::{bits, block_weights, maps, random};
use crate::{
    device::Cpu,
    kernels::{BlockSaved, Keep, Kept, Kernels, Reel, Tape, TapeRow, TapeShape, TapedRows, cpu::on_every_isa},
    model::floats,
};

/// What one block computed as the middle one of three, on two reels whose rows are in no order; without the rows for which `is_left_out` holds.
fn taped(shape: TapeShape, saved: &BlockSaved<Cpu>, y: &Tensor<Cpu, 2>, is_left_out: impl Fn(usize) -> bool) -> TapedRows {
    let Kept::Activations(kept) = &saved.rest else { panic!("everything was kept") };
    let [x, qkv, attended, log_sum, middle, gate_up, y] =
        [&saved.x, &kept.qkv, &kept.attended, &kept.log_sum, &kept.middle, &kept.gate_up, y].map(|tensor| floats(tensor.clone()));
    let n = x.len() / shape.width;
    let mut reels = [Reel::new(shape), Reel::new(shape)];
    let mut rows = vec![None; n];
    for step in 0..n {
        // Every row once, as 7 and n have no divisor in common.
        let at = if n.is_multiple_of(7) { step } else { 7 * step % n };
        if is_left_out(at) {
            continue;
        }
        let of = |numbers: &[f32]| numbers[at * numbers.len() / n..(at + 1) * numbers.len() / n].to_vec();
        let reel = &mut reels[at % 2];
        let row = reel.extend(1);
        let token = reel.token(row, 1);
        let places = [token.x, token.qkv, token.attended, token.log_sum, token.middle, token.gate_up];
        places.into_iter().zip([&x, &qkv, &attended, &log_sum, &middle, &gate_up]).for_each(|(place, numbers)| place.copy_from_slice(&of(numbers)));
        reel.token(row, 2).x.copy_from_slice(&of(&y));
        rows[at] = Some(TapeRow { reel: at as u32 % 2, row: row as u32 });
    }
    TapedRows::new(Arc::new(Tape::new(reels.into())), rows)
}

#[test]
fn a_block_from_a_tape_has_the_bits_of_what_was_taped() {
    on_every_isa(|| {
        for map in maps() {
            let (n, d, f) = (map.shape.rows * map.shape.time, 20, 27);
            let weights = block_weights(&map, d, f);
            let starts: Vec<i32> = map.starts.clone().into_data().iter().collect();
            // A document of one token is padding here: nothing comes back to it.
            let is_padding = |at: usize| at > 0 && starts[at] as usize == at % map.shape.time && starts.get(at + 1) != Some(&starts[at]);
            let own = |tensor: Tensor<Cpu, 2>, width: usize| {
                let mut numbers = floats(tensor);
                (0..n).filter(|&at| is_padding(at)).for_each(|at| numbers[at * width..(at + 1) * width].fill(0.0));
                Tensor::from_data(burn::tensor::TensorData::new(numbers, [n, width]), &Default::default())
            };
            let (x, grad) = (random([n, d], "x"), own(random([n, d], "grad"), d));
            let (y, saved) = Cpu::block(x.clone(), &weights, &map, 1e-5, Keep::Activations);
            let shape = TapeShape {
                layers: 3,
                width: d,
                columns: map.shape.columns(),
                attended: map.shape.heads * map.shape.head_dim,
                heads: map.shape.heads,
                hidden: f,
            };
            let rows = taped(shape, &saved, &y, is_padding);
            let (y_taped, saved_taped) = Cpu::block(own(x, d), &weights, &map, 1e-5, Keep::Taped(rows.layer(1)));
            assert_eq!(bits(y_taped), bits(own(y, d)));
            let [computed, read] = [saved, saved_taped].map(|saved| {
                let (grad_x, by) = Cpu::block_backward(grad.clone(), &weights, saved, &map, 1e-5);
                [bits(own(grad_x, d)), bits(by.attention_norm), bits(by.qkv), bits(by.output), bits(by.mlp_norm), bits(by.gate_up), bits(by.down)]
            });
            assert!(computed == read, "{:?}", map.shape);
        }
    });
}
