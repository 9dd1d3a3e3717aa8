//! The guide's store that windows-core builds, with `IMAPISync` by dispatch.
#![allow(non_snake_case)]

#[rustfmt::skip]
pub mod store;

#[cfg(test)]
mod tests {
    use super::store::{Half, IMAPISync, Store};
    use mapisync::testing::{Call, Outlook, reference_count};
    use mapisync::{ComPtr, HRESULT, Interface, abi};

    /// A new object of windows-core, as one of these interfaces.
    ///
    /// # Safety
    ///
    /// `I` must be `IMAPISync`, or one of which only the methods of `IUnknown` are called.
    unsafe fn object<I: Interface>() -> ComPtr<I> {
        let theirs = windows_core::Interface::into_raw(IMAPISync::from(Store { half: Half }));
        // SAFETY: the pointer has the vtable, by this function's contract. The object is free-threaded, and
        // its reference is passed on.
        unsafe { ComPtr::from_raw(theirs.cast()) }.unwrap()
    }

    #[test]
    fn a_run_uses_the_session_and_ends_with_done() {
        // SAFETY: nothing calls the methods of a session.
        let (sync, session) =
            unsafe { (object::<abi::IMAPISync>(), object::<abi::IMAPISession>()) };
        let runs = [
            (Outlook::new().session(session.clone()), "With a session"),
            (Outlook::new(), "Without"),
        ];
        for (outlook, step) in runs {
            let outcome = outlook.run(&sync);
            outcome.assert_ok().assert_no_leaks();
            assert_eq!(outcome.calls(), [Call::progress(step, 1, 1), Call::done(HRESULT::S_OK)]);
        }
        assert_eq!(reference_count(&session), 1);
    }

    #[test]
    fn the_guide_has_this_store() {
        let guide = include_str!("../../../../docs/guide/existing_store.md");
        assert!(guide.contains(include_str!("store.rs")));
    }
}
