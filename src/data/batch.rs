//! An example, and a batch of packed rows with the labels that the loss counts.

use crate::model::PackedRows;

/// One document to learn from: a prompt that is given and a response that is learned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// Ids of BOS, prompt, response and EOS.
    pub ids: Vec<u32>,
    /// Index of the first id of the response: it and all after it are labels, those before are not. At least 1, below the length.
    pub response_start: usize,
}

impl Example {
    /// Number of positions it takes in a row: the last id is only a label.
    pub fn positions(&self) -> usize {
        self.ids.len() - 1
    }

    /// Number of ids that are labels.
    pub fn labels(&self) -> usize {
        self.ids.len() - self.response_start
    }
}

/// Packed rows and their labels: what one forward and backward pass takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// What the model reads.
    pub input: PackedRows,
    /// The next id at each position, `[rows * time]`; 0 where there is none.
    pub targets: Vec<i32>,
    /// The part of each position in the loss, `[rows * time]`; 0 where the next id is of a prompt or missing.
    pub weights: Vec<f32>,
    /// Number of positions that hold a document.
    pub tokens: usize,
    /// Number of labels.
    pub labels: usize,
    /// Whether the optimizer steps after this batch; where not, the next batch adds to its gradient.
    pub completes_step: bool,
}

impl Batch {
    /// Lays out rows of examples; each label weighs `weight`.
    ///
    /// The rows are as long as the fullest. A position after the last document sees only itself and weighs nothing.
    pub fn new(examples: &[Example], rows: &[Vec<usize>], weight: f32) -> Self {
        let filled = |row: &Vec<usize>| row.iter().map(|&example| examples[example].positions()).sum::<usize>();
        let time = rows.iter().map(filled).max().unwrap_or(0);
        let n = rows.len() * time;
        let mut input = PackedRows { rows: rows.len(), time, ids: vec![0; n], starts: vec![0; n] };
        let (mut targets, mut weights, mut tokens, mut labels) = (vec![0; n], vec![0.0; n], 0, 0);
        for (row, documents) in rows.iter().enumerate() {
            let mut start = 0;
            for &document in documents {
                let example = &examples[document];
                for (position, pair) in example.ids.windows(2).enumerate() {
                    let at = row * time + start + position;
                    input.ids[at] = pair[0] as i32;
                    input.starts[at] = start as i32;
                    targets[at] = pair[1] as i32;
                    weights[at] = if position + 1 >= example.response_start { weight } else { 0.0 };
                }
                start += example.positions();
                labels += example.labels();
            }
            tokens += start;
            for index in start..time {
                input.starts[row * time + index] = index as i32;
            }
        }
        Self { input, targets, weights, tokens, labels, completes_step: true }
    }

    /// Where the first label of each document lies among the positions, by document: its other labels follow it.
    pub fn first_labels(&self, examples: &[Example], rows: &[Vec<usize>]) -> Vec<(usize, usize)> {
        let mut places = Vec::new();
        for (row, documents) in rows.iter().enumerate() {
            let mut start = row * self.input.time;
            for &document in documents {
                places.push((document, start + examples[document].response_start - 1));
                start += examples[document].positions();
            }
        }
        places
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_the_response_and_documents_restart() {
        let examples = [
            Example { ids: vec![1, 5, 6, 7, 2], response_start: 3 },
            Example { ids: vec![1, 8, 2], response_start: 1 },
            Example { ids: vec![1, 2], response_start: 1 },
        ];
        let batch = Batch::new(&examples, &[vec![0, 1], vec![2]], 0.5);
        assert_eq!((batch.input.rows, batch.input.time, batch.tokens, batch.labels), (2, 6, 7, 5));
        assert_eq!(batch.input.ids, [1, 5, 6, 7, 1, 8, 1, 0, 0, 0, 0, 0]);
        assert_eq!(batch.input.starts, [0, 0, 0, 0, 4, 4, 0, 1, 2, 3, 4, 5]);
        assert_eq!(batch.targets, [5, 6, 7, 2, 8, 2, 2, 0, 0, 0, 0, 0]);
        assert_eq!(batch.weights, [0.0, 0.0, 0.5, 0.5, 0.5, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(batch.first_labels(&examples, &[vec![0, 1], vec![2]]), [(0, 2), (1, 4), (2, 6)]);
    }
}
