//! The makers of one environment behind an interface without its types; its combinations share one desk per worker.

use metacot_envs::World;

use crate::{
    corpus::{CorpusError, RecordRef},
    generate::{Desk, Maker},
    transform::Skip,
};

/// The makers of one environment.
pub(super) trait Room: Send + Sync {
    /// A desk at which a worker makes records of all of them.
    fn bench(&self) -> Box<dyn Bench + '_>;
}

/// A desk with the makers that it serves.
pub(super) trait Bench {
    /// Makes record `id` of maker number `place`, or says why there is none.
    fn make(&mut self, place: usize, id: u64, take: &mut dyn FnMut(RecordRef<'_>)) -> Result<Result<(), Skip>, CorpusError>;
}

impl<E: World> Room for Vec<Maker<E>> {
    fn bench(&self) -> Box<dyn Bench + '_> {
        Box::new(Typed { makers: self, desk: Desk::default() })
    }
}

struct Typed<'a, E: World> {
    makers: &'a [Maker<E>],
    desk: Desk<E>,
}

impl<E: World> Bench for Typed<'_, E> {
    fn make(&mut self, place: usize, id: u64, take: &mut dyn FnMut(RecordRef<'_>)) -> Result<Result<(), Skip>, CorpusError> {
        self.makers[place].make(id, &mut self.desk, take)
    }
}
