//! Panics and messages that a store cannot control: the run ends, and no unwinding reaches the host.

use crate::{FLAGS, INTERNAL_ERROR, run, spawn};
use mapisync::testing::{Call, Recorder};
use mapisync::{Error, HRESULT, Result, SyncHost, SyncJob};
use std::io;
use test_support::{PanicOnDrop, code, store};

#[test]
fn a_panic_ends_the_run_with_e_unexpected_and_its_message_is_not_reported() {
    let unexpected = HRESULT::E_UNEXPECTED;
    let panicked = [Call::error(unexpected, INTERNAL_ERROR), Call::done(unexpected)];
    assert_eq!(spawn::<()>(|_| panic!("out of luck")), panicked);
    for nested in [0, 1, 2] {
        assert_eq!(spawn::<()>(move |_| std::panic::panic_any(PanicOnDrop(nested))), panicked);
    }

    // A closure's captures are dropped before the completion, so a panic in their `Drop` ends the
    // run.
    struct DropPanics;
    impl Drop for DropPanics {
        fn drop(&mut self) {
            panic!("out of luck");
        }
    }
    let captured = run(|request| {
        let captured = DropPanics;
        request.spawn(move |_| {
            let _captured = &captured;
            Ok(())
        })
    });
    assert_eq!(captured, panicked);

    // A panic in the conversion of a status or an error, which is the user's code, ends the run
    // too.
    struct Status;
    impl From<Status> for HRESULT {
        fn from(_: Status) -> HRESULT {
            panic!("out of luck")
        }
    }
    assert_eq!(spawn(|_| Ok(Status)), panicked);
    #[derive(Debug)]
    struct DisplayPanics;
    impl std::fmt::Display for DisplayPanics {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("out of luck")
        }
    }
    impl std::error::Error for DisplayPanics {}
    assert_eq!(spawn::<()>(|_| Err(io::Error::other(DisplayPanics).into())), panicked);
}

#[test]
fn an_error_that_panics_when_shown_or_dropped_is_a_panic_of_the_method() {
    #[derive(Debug)]
    struct Panics {
        shown: bool,
    }
    impl std::fmt::Display for Panics {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            assert!(!self.shown, "out of luck");
            Ok(())
        }
    }
    impl Drop for Panics {
        fn drop(&mut self) {
            assert!(self.shown, "out of luck");
        }
    }
    impl std::error::Error for Panics {}
    for shown in [true, false] {
        let fail = move || -> Result<()> { Err(io::Error::other(Panics { shown }).into()) };
        let before = store(move |_| fail());
        let code = code(SyncHost::new(Recorder::new()).start(&before, FLAGS));
        assert_eq!(code, HRESULT::E_UNEXPECTED);
        let expected =
            [Call::error(HRESULT::E_UNEXPECTED, INTERNAL_ERROR), Call::done(HRESULT::E_UNEXPECTED)];
        let after = run(move |request| {
            let _job = request.start()?;
            fail()
        });
        assert_eq!(after, expected);
        assert_eq!(spawn(move |_| fail()), expected);
    }
}

#[test]
fn an_endless_message_is_truncated_and_done_comes() {
    /// An error whose complete message would fill the memory.
    #[derive(Debug)]
    struct Endless;
    impl std::fmt::Display for Endless {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            while f.write_str("the server said: ").is_ok() {}
            Ok(())
        }
    }
    impl std::error::Error for Endless {}
    let ways: [fn(&SyncJob) -> Result<()>; 2] = [
        |_| Err(io::Error::other(Endless).into()),
        |_| Err(Error::new(HRESULT::E_FAIL, "€".repeat(1 << 20))),
    ];
    for work in ways {
        let calls = spawn(work);
        let [Call::Error(_, Some(message)), Call::Done(_)] = &calls[..] else {
            panic!("one Error, then Done");
        };
        let kibibytes = message.len() >> 10;
        assert!(message.ends_with('…') && kibibytes == 32);
    }
    // `finish` truncates too.
    let finished = run(move |request| {
        let job = request.start()?;
        job.finish::<()>(Err(Error::new(HRESULT::E_FAIL, "€".repeat(1 << 20))));
        Ok(())
    });
    let truncated =
        |call: &Call| matches!(call, Call::Error(_, Some(message)) if message.ends_with('…'));
    assert!(finished.len() == 2 && truncated(&finished[0]));
}
