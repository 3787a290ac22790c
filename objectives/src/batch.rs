//! The responses of a step, their groups and their preference pairs.

use std::{collections::BTreeMap, ops::Range};

use crate::{Field, ObjectiveError, Role, Sequence};

/// Tokens of one sequence.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Span {
    /// The index of the sequence in its batch.
    pub sequence: usize,
    /// The tokens; only those with [`Role::Policy`] count.
    pub tokens: Range<usize>,
}

/// A preference: of two continuations of the same text, the first is better.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Pair {
    /// The better one: a whole response for DPO, one step for step-DPO.
    pub chosen: Span,
    /// The worse one.
    pub rejected: Span,
}

/// The rollouts of one prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// The prompt.
    pub prompt: usize,
    /// `[g]` indices of the rollouts in their batch.
    pub members: Vec<usize>,
    /// `[g]` their total rewards.
    pub rewards: Vec<f64>,
    /// `[g]` whether they are right, whatever they earn.
    pub solved: Vec<bool>,
    /// `[g]` their numbers of policy tokens.
    pub lengths: Vec<f64>,
}

impl Group {
    /// Whether all rewards are equal, so that the group teaches a centred estimator nothing.
    pub fn is_flat(&self) -> bool {
        self.rewards.windows(2).all(|pair| pair[0] == pair[1])
    }

    /// How many rollouts are right.
    pub fn num_solved(&self) -> usize {
        self.solved.iter().filter(|is_solved| **is_solved).count()
    }
}

/// Checked sequences.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    sequences: Vec<Sequence>,
    pairs: Vec<Pair>,
}

impl Batch {
    /// A batch of responses without preferences.
    ///
    /// # Errors
    /// Lengths disagree, boundaries do not ascend, or a number that will be read is not finite.
    pub fn new(sequences: Vec<Sequence>) -> Result<Self, ObjectiveError> {
        Self::with_pairs(sequences, Vec::new())
    }

    /// A batch of responses with preferences between them.
    ///
    /// # Errors
    /// As [`Batch::new`], or a pair names sequences or tokens that do not exist.
    pub fn with_pairs(sequences: Vec<Sequence>, pairs: Vec<Pair>) -> Result<Self, ObjectiveError> {
        for (index, sequence) in sequences.iter().enumerate() {
            sequence.check(index)?;
        }
        let exists =
            |span: &Span| sequences.get(span.sequence).is_some_and(|sequence| span.tokens.start <= span.tokens.end && span.tokens.end <= sequence.len());
        if let Some(pair) = pairs.iter().position(|pair| !exists(&pair.chosen) || !exists(&pair.rejected)) {
            return Err(ObjectiveError::Pair { pair });
        }
        Ok(Self { sequences, pairs })
    }

    /// The sequences.
    pub fn sequences(&self) -> &[Sequence] {
        &self.sequences
    }

    /// The preferences.
    pub fn pairs(&self) -> &[Pair] {
        &self.pairs
    }

    /// The rollouts of each prompt in order of the prompts' numbers; `totals` are the rewards of the sequences.
    pub fn groups(&self, totals: &[f64]) -> Vec<Group> {
        let mut groups: BTreeMap<usize, Group> = BTreeMap::new();
        for (index, sequence) in self.sequences.iter().enumerate() {
            let empty = || Group { prompt: sequence.prompt, members: vec![], rewards: vec![], solved: vec![], lengths: vec![] };
            let group = groups.entry(sequence.prompt).or_insert_with(empty);
            group.members.push(index);
            group.rewards.push(totals[index]);
            group.solved.push(sequence.is_solved);
            group.lengths.push(sequence.policy_tokens().count() as f64);
        }
        groups.into_values().collect()
    }

    /// Makes sure that every sequence with anything to train has a field.
    ///
    /// # Errors
    /// A sequence lacks it.
    pub fn require(&self, field: Field) -> Result<(), ObjectiveError> {
        let trained = |sequence: &Sequence| sequence.roles.iter().any(|role| *role != Role::Masked);
        match self.sequences.iter().position(|sequence| trained(sequence) && !sequence.has(field)) {
            None => Ok(()),
            Some(sequence) => Err(ObjectiveError::Missing { field: field.name(), sequence }),
        }
    }

    /// A mini-batch of the sequences at `indices`, with the pairs that lie within it.
    ///
    /// # Errors
    /// An index does not exist, or a pair would be torn apart.
    pub fn select(&self, indices: &[usize]) -> Result<Self, ObjectiveError> {
        let place: BTreeMap<usize, usize> = indices.iter().enumerate().map(|(to, &from)| (from, to)).collect();
        let sequences = indices.iter().map(|&index| self.sequences.get(index).cloned().ok_or(ObjectiveError::Shape)).collect::<Result<_, _>>()?;
        let mut pairs = Vec::new();
        for (index, pair) in self.pairs.iter().enumerate() {
            let moved = |span: &Span| place.get(&span.sequence).map(|&sequence| Span { sequence, tokens: span.tokens.clone() });
            match (moved(&pair.chosen), moved(&pair.rejected)) {
                (Some(chosen), Some(rejected)) => pairs.push(Pair { chosen, rejected }),
                (None, None) => {}
                _ => return Err(ObjectiveError::Pair { pair: index }),
            }
        }
        Ok(Self { sequences, pairs })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch() -> Batch {
        let sequence = |prompt, reward| Sequence::new(prompt, reward, vec![-1.0; 2]);
        let span = |sequence| Span { sequence, tokens: 0..2 };
        Batch::with_pairs(vec![sequence(4, 1.0), sequence(1, 0.0), sequence(4, 0.5)], vec![Pair { chosen: span(0), rejected: span(2) }]).unwrap()
    }

    #[test]
    fn groups_gather_the_rollouts_of_a_prompt() {
        let groups = batch().groups(&[1.0, 0.0, 0.5]);
        assert_eq!(groups.len(), 2);
        assert_eq!((groups[0].prompt, groups[0].is_flat()), (1, true));
        assert_eq!((&groups[1].members[..], &groups[1].rewards[..], groups[1].is_flat()), (&[0, 2][..], &[1.0, 0.5][..], false));
    }

    #[test]
    fn minibatches_renumber_pairs_and_refuse_to_tear_them() {
        assert_eq!(batch().select(&[2, 0]).unwrap().pairs()[0].chosen.sequence, 1);
        assert!(batch().select(&[1]).unwrap().pairs().is_empty());
        assert_eq!(batch().select(&[0, 1]), Err(ObjectiveError::Pair { pair: 0 }));
    }

    #[test]
    fn missing_fields_are_named() {
        assert_eq!(batch().require(Field::Values), Err(ObjectiveError::Missing { field: "values", sequence: 0 }));
    }
}
