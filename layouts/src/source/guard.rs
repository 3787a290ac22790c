//! Panics of the Parquet decoder as errors: on damaged files it indexes beyond its buffers in places.
//!
//! Nothing of ours runs inside. What the decoder holds is thrown away after a panic, so that no half-changed state is seen again.

use std::{
    cell::Cell,
    panic::{self, AssertUnwindSafe},
    sync::Once,
};

thread_local! {
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Runs `decode`; a panic within is an error and prints nothing.
pub(super) fn guarded<T>(decode: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if !IS_GUARDED.get() {
                usual(panic);
            }
        }));
    });
    IS_GUARDED.set(true);
    let result = panic::catch_unwind(AssertUnwindSafe(decode));
    IS_GUARDED.set(false);
    result.map_err(|_| "damaged: its pages do not decode".into())
}
