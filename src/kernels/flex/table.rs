//! The gradient of an embedding table.

use rayon::prelude::*;

/// Adds to each row of `sums: [v, d]` the gradients, `grad: [n, d]`, of the tokens with its id: summed over stretches of so many tokens, and the sums of the
/// stretches in their order. Rows are shared out among the threads, and nothing else of the size of the table exists.
pub fn backward(grad: &[f32], ids: &[i32], stretch: usize, d: usize, sums: &mut [f32]) {
    let (first, tokens) = by_id(ids, sums.len() / d);
    sums.par_chunks_mut(d).enumerate().for_each_init(
        || vec![0.0; d],
        |part, (id, sum)| {
            for tokens in tokens[first[id]..first[id + 1]].chunk_by(|a, b| a / stretch == b / stretch) {
                part.fill(0.0);
                for token in tokens {
                    add(part, &grad[token * d..][..d]);
                }
                add(sum, part);
            }
        },
    );
}

fn add(sum: &mut [f32], term: &[f32]) {
    for (sum, term) in sum.iter_mut().zip(term) {
        *sum += term;
    }
}

/// The tokens sorted by id, in their order where ids are equal: those of id `i` are `tokens[first[i]..first[i + 1]]`.
fn by_id(ids: &[i32], vocabulary: usize) -> (Vec<usize>, Vec<usize>) {
    let mut first = vec![0; vocabulary + 1];
    for &id in ids {
        first[id as usize + 1] += 1;
    }
    for id in 0..vocabulary {
        first[id + 1] += first[id];
    }
    let (mut next, mut tokens) = (first.clone(), vec![0; ids.len()]);
    for (token, &id) in ids.iter().enumerate() {
        tokens[next[id as usize]] = token;
        next[id as usize] += 1;
    }
    (first, tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_the_bits_of_whole_tables_added_in_order_at_any_number_of_threads() {
        for (n, v, d, stretch) in [(700, 37, 20, 88), (5, 3, 1, 1), (64, 1, 3, 8), (1, 2, 5, 1)] {
            let number = |at: usize| ((at * 7919 + 13) % 1013) as f32 / 313.0 - 1.6;
            let grad: Vec<f32> = (0..n * d).map(number).collect();
            let ids: Vec<i32> = (0..n).map(|token| (token * token + token / 3) as i32 % v).collect();
            let mut expected = vec![0.0; v as usize * d];
            for (grad, ids) in grad.chunks(stretch * d).zip(ids.chunks(stretch)) {
                let mut table = vec![0.0; v as usize * d];
                for (grad, id) in grad.chunks(d).zip(ids) {
                    add(&mut table[*id as usize * d..][..d], grad);
                }
                add(&mut expected, &table);
            }
            for threads in [1, 3] {
                let mut sums = vec![0.0; v as usize * d];
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| backward(&grad, &ids, stretch, d, &mut sums));
                assert_eq!(sums, expected, "{n} tokens on {threads} threads");
            }
        }
    }
}
