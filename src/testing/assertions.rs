//! The assertions of [`Outcome`].

use super::{Call, Counts, EventState, Method, Outcome};
use crate::abi::HRESULT;
use alloc::format;
use alloc::string::String;

/// `Ok`, or the sentence that says what is wrong.
pub(super) type Check = Result<(), String>;

fn check(condition: bool, sentence: impl FnOnce() -> String) -> Check {
    if condition { Ok(()) } else { Err(sentence()) }
}

/// The assertions. Each one also asserts that the store followed the protocol, whose rules
/// [`Outcome`] lists.
impl Outcome {
    /// Asserts that the run ended with `S_OK`. For a run without a callback, which has no status,
    /// it asserts that the run ended.
    ///
    /// ```
    /// # use mapisync::{ComPtr, abi::IMAPISync, testing::Outlook};
    /// fn test(sync: &ComPtr<IMAPISync>) {
    ///     Outlook::new().run(sync).assert_ok();
    /// }
    /// ```
    ///
    /// # Panics
    ///
    /// If the assertion fails, with one sentence and the calls.
    #[track_caller]
    pub fn assert_ok(&self) -> &Outcome {
        if self.has_callback {
            return self.assert_status(HRESULT::S_OK);
        }
        self.assert(self.check_ended())
    }

    /// Asserts that the run ended with this status.
    ///
    /// ```
    /// # use mapisync::{ComPtr, HRESULT, abi::IMAPISync, testing::Outlook};
    /// fn test(sync: &ComPtr<IMAPISync>) {
    ///     Outlook::new().run(sync).assert_status(HRESULT::MAPI_W_PARTIAL_COMPLETION);
    /// }
    /// ```
    ///
    /// # Panics
    ///
    /// If the assertion fails, with one sentence and the calls.
    #[track_caller]
    pub fn assert_status(&self, status: HRESULT) -> &Outcome {
        self.assert(self.check_status(status))
    }

    /// Asserts that the run ended because it was canceled: with `MAPI_E_USER_CANCEL`, or with the
    /// first failure code that `Progress` returned.
    ///
    /// ```
    /// # use mapisync::{ComPtr, abi::IMAPISync, testing::{Outlook, Recorder}};
    /// fn test(sync: &ComPtr<IMAPISync>) {
    ///     let recorder = Recorder::new().cancel_at(1);
    ///     Outlook::new().recorder(recorder).run(sync).assert_canceled();
    /// }
    /// ```
    ///
    /// # Panics
    ///
    /// If the assertion fails, with one sentence and the calls.
    #[track_caller]
    pub fn assert_canceled(&self) -> &Outcome {
        let progress = self.calls.iter().filter(|call| call.method() == Method::Progress);
        let mut failures = progress.filter_map(|call| call.returned).filter(|code| code.is_err());
        let requested = failures.next();
        if requested.is_some() && requested == self.status {
            return self.assert(self.check_ended());
        }
        self.assert_status(HRESULT::MAPI_E_USER_CANCEL)
    }

    /// Asserts that the run ended with this code, and that the store reported this message with it
    /// through `Error`. `None` asserts that the store reported no error with this code.
    ///
    /// ```
    /// # use mapisync::{ComPtr, HRESULT, abi::IMAPISync, testing::Outlook};
    /// fn test(offline: &ComPtr<IMAPISync>, dropped: &ComPtr<IMAPISync>) {
    ///     let outcome = Outlook::new().run(offline);
    ///     outcome.assert_failed(HRESULT::MAPI_E_NETWORK_ERROR, "mail.example.org is unreachable");
    ///     Outlook::new().run(dropped).assert_failed(HRESULT::E_ABORT, None);
    /// }
    /// ```
    ///
    /// # Panics
    ///
    /// If the assertion fails, with one sentence and the calls.
    #[track_caller]
    pub fn assert_failed<'a>(
        &self,
        code: HRESULT,
        message: impl Into<Option<&'a str>>,
    ) -> &Outcome {
        let status = self.check_status(code);
        self.assert(status.and_then(|()| self.check_message(code, message.into())))
    }

    /// Asserts that `SynchronizeInBackground` failed with this code, so that the store started no
    /// run.
    ///
    /// ```
    /// # use mapisync::{ComPtr, HRESULT, abi::IMAPISync, testing::Outlook};
    /// fn test(busy: &ComPtr<IMAPISync>) {
    ///     Outlook::new().run(busy).assert_refused(HRESULT::MAPI_E_BUSY);
    /// }
    /// ```
    ///
    /// # Panics
    ///
    /// If the assertion fails, with one sentence and the calls.
    #[track_caller]
    pub fn assert_refused(&self, code: HRESULT) -> &Outcome {
        let refused = || match self.returned {
            Some(returned) if returned != code => {
                Err(format!("SynchronizeInBackground returned {returned}, not {code}"))
            }
            Some(returned) if returned.is_ok() => {
                Err(format!("SynchronizeInBackground returned {returned}, which is a success code"))
            }
            _ => Ok(()),
        };
        self.assert(self.check_protocol().and_then(|()| refused()))
    }

    /// Asserts that the reference counts of the store, the callback and the session are the same as
    /// before the run.
    ///
    /// The assertion also fails in these cases, in which the store leaks nothing:
    ///
    /// - The store keeps the session for its next run. Its first run then adds a reference.
    /// - Another run of the same store is in progress, and holds references.
    /// - The test drops its own pointer to the store during the run. The count then falls by one,
    ///   which the assertion reports as one release too many.
    ///
    /// ```
    /// # use mapisync::{ComPtr, abi::IMAPISync, testing::Outlook};
    /// fn test(sync: &ComPtr<IMAPISync>) {
    ///     Outlook::new().run(sync).assert_ok().assert_no_leaks();
    /// }
    /// ```
    ///
    /// # Panics
    ///
    /// If the assertion fails, with one sentence and the calls.
    #[track_caller]
    pub fn assert_no_leaks(&self) -> &Outcome {
        let counts =
            [("callback", self.callback), ("session", self.session), ("store", Some(self.store))];
        let check_count = |(object, counts): (&str, Option<Counts>)| {
            counts.map_or(Ok(()), |counts| check_count(object, counts))
        };
        let leaks = || counts.into_iter().try_for_each(check_count);
        self.assert(self.check_protocol().and_then(|()| leaks()))
    }

    #[track_caller]
    fn assert(&self, check: Check) -> &Outcome {
        if let Err(sentence) = check {
            panic!("{sentence}\n\n{self}");
        }
        self
    }

    fn check_protocol(&self) -> Check {
        let timeout = self.timeout;
        let Some(code) = self.returned else {
            return Err(format!("SynchronizeInBackground did not return within {timeout:?}"));
        };
        let is_done = |call: &&_| matches!(**call, Call::Done(_));
        let calls = || self.calls.iter().map(|call| call.call());
        if code.is_err() {
            return check(self.calls.is_empty(), || {
                let method = self.calls[0].method();
                format!("the store called {method}, although SynchronizeInBackground failed")
            });
        }
        if self.has_callback {
            match calls().filter(is_done).count() {
                0 => {
                    let although = match self.event {
                        EventState::BeforeDone => ", although it signaled the event",
                        _ => "",
                    };
                    return Err(format!(
                        "the store did not call Done within {timeout:?}{although}"
                    ));
                }
                1 => {}
                count => return Err(format!("the store called Done {count} times")),
            }
            check(self.status.is_some(), || format!("Done did not return within {timeout:?}"))?;
            if let Some(late) = calls().skip_while(|call| !is_done(call)).nth(1) {
                return Err(format!("the store called {} after Done", late.method()));
            }
        }
        match self.event {
            EventState::None if self.has_callback => Ok(()),
            EventState::Signaled => Ok(()),
            EventState::None => Err("the store returned no event, and there is no callback".into()),
            EventState::Invalid => {
                Err("the store returned an event handle that is not open".into())
            }
            EventState::Pending => Err(format!("the event was not signaled within {timeout:?}")),
            EventState::BeforeDone => Err("the event was signaled before Done".into()),
        }
    }

    /// Checks the protocol, and that the store started a run.
    fn check_ended(&self) -> Check {
        self.check_protocol()?;
        match self.returned {
            Some(code) if code.is_err() => Err(format!("SynchronizeInBackground failed: {code}")),
            _ => Ok(()),
        }
    }

    fn check_status(&self, expected: HRESULT) -> Check {
        self.check_ended()?;
        match self.status {
            Some(status) if status == expected => Ok(()),
            Some(status) => Err(format!("the run ended with {status}, not with {expected}")),
            None => Err("the run has no status, because it had no callback".into()),
        }
    }

    fn check_message(&self, code: HRESULT, message: Option<&str>) -> Check {
        let mut reported = self.calls.iter().filter_map(|call| match call.call() {
            Call::Error(reported, message) if *reported == code => Some(message.as_deref()),
            _ => None,
        });
        match message {
            Some(message) => check(reported.any(|reported| reported == Some(message)), || {
                format!("the store did not report the message {message:?} with {code}")
            }),
            None => match reported.next() {
                Some(_) => Err(format!("the store reported an error with {code}")),
                None => Ok(()),
            },
        }
    }
}

pub(super) fn check_count(object: &str, counts: Counts) -> Check {
    let Counts { before, after } = counts;
    let what = match counts.leaked() {
        0 => return Ok(()),
        1 => "1 reference leaked".into(),
        -1 => "1 reference too many was released".into(),
        leaked if leaked > 0 => format!("{leaked} references leaked"),
        leaked => format!("{} references too many were released", -leaked),
    };
    Err(format!(
        "the count of the {object} was {before} before the run and is {after} after it: {what}"
    ))
}
