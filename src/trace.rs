//! Spans and events for the crate `tracing`: a span for each run, an event for each call across the
//! boundary. Without the feature `tracing`, all of it compiles to nothing.
//!
//! A subscriber is the user's code, and may panic or call COM objects. So nothing here unwinds
//! because of a subscriber, and no lock is held while one is called.

use crate::abi::{HRESULT, SyncFlags};

#[cfg(not(feature = "tracing"))]
pub(crate) use disabled::{RunSpan, call, in_scope, incoming, with_string};
#[cfg(feature = "tracing")]
pub(crate) use enabled::{RunSpan, call, in_scope, incoming, with_string};

/// The direction of a call.
#[derive(Clone, Copy)]
pub(crate) enum Direction {
    /// Foreign code calls an object of this crate.
    Incoming,
    /// This crate calls a foreign object.
    Outgoing,
}

/// The method of a call, with its arguments.
#[cfg_attr(not(feature = "tracing"), expect(dead_code, reason = "nothing reads it"))]
pub(crate) enum Method<'a> {
    SynchronizeInBackground {
        /// `None` if the structure cannot be read, or has not been read.
        flags: Option<SyncFlags>,
    },
    Progress {
        step: Option<&'a str>,
        index: u32,
        max: u32,
    },
    Error {
        code: HRESULT,
        message: Option<&'a str>,
    },
    Done {
        status: HRESULT,
    },
}

#[cfg(feature = "tracing")]
mod enabled {
    use super::{Direction, Method};
    use crate::abi::{HRESULT, SyncFlags};
    use crate::error::Result;
    use crate::object::unwind;
    use crate::utf16;
    use core::mem;
    use std::panic::AssertUnwindSafe;
    use std::time::{Duration, Instant};
    use tracing::field::debug;
    use tracing::level_filters::LevelFilter;
    use tracing::span::Entered;
    use tracing::{Level, Span};

    const PROVIDER: &str = "mapisync::provider";
    const HOST: &str = "mapisync::host";

    /// The span of a run, on one of the two sides.
    ///
    /// The assertion keeps the auto traits of a run the same with and without the feature. It is
    /// correct as in `unwind`.
    pub(crate) struct RunSpan(AssertUnwindSafe<Span>);

    impl RunSpan {
        pub(crate) fn provider(flags: SyncFlags) -> RunSpan {
            RunSpan::catch(|| tracing::info_span!(target: PROVIDER, "run", ?flags))
        }

        pub(crate) fn host(flags: SyncFlags) -> RunSpan {
            RunSpan::catch(|| tracing::info_span!(target: HOST, "run", ?flags))
        }

        /// Closes the span, unless there are clones.
        pub(crate) fn close(self) {}

        /// Makes a span. It is a disabled one if the subscriber panics.
        fn catch(make: impl FnOnce() -> Span) -> RunSpan {
            let span = unwind::catch(make).unwrap_or_else(|_panic| Span::none());
            RunSpan(AssertUnwindSafe(span))
        }
    }

    impl Clone for RunSpan {
        fn clone(&self) -> RunSpan {
            RunSpan::catch(|| self.0.clone())
        }
    }

    impl Drop for RunSpan {
        fn drop(&mut self) {
            let span = mem::replace(&mut *self.0, Span::none());
            let _ = unwind::catch(|| drop(span));
        }
    }

    /// Runs `code` within a span, if there is one.
    pub(crate) fn in_scope<R>(span: Option<&RunSpan>, code: impl FnOnce() -> R) -> R {
        /// It exits the span when dropped, also while `code` unwinds.
        struct Scope<'a>(Option<Entered<'a>>);

        impl Drop for Scope<'_> {
            fn drop(&mut self) {
                let entered = self.0.take();
                let _ = unwind::catch(|| drop(entered));
            }
        }

        let _scope = Scope(span.and_then(|span| unwind::catch(|| span.0.enter()).ok()));
        code()
    }

    /// Makes a call, which must not unwind, and emits its event.
    pub(crate) fn call(
        direction: Direction,
        method: Method<'_>,
        call: impl FnOnce() -> HRESULT,
    ) -> HRESULT {
        // This reads an atomic. Without a subscriber, no other work is done for an event.
        if method.level() > LevelFilter::current() {
            return call();
        }
        let started = Instant::now();
        let result = call();
        let duration = started.elapsed();
        let _ = unwind::catch(|| emit(direction, &method, result, duration));
        result
    }

    /// Calls a method of the user's, which may unwind, and emits the event of the incoming call.
    pub(crate) fn incoming<R: Into<HRESULT>>(
        method: Method<'_>,
        code: impl FnOnce() -> Result<R>,
    ) -> Result<HRESULT> {
        Ok(call(Direction::Incoming, method, || unwind::catch_hresult(code)))
    }

    /// Passes a UTF-16 string to `call`, for its event only.
    ///
    /// # Safety
    ///
    /// The contract of `utf16::with_str` must hold.
    pub(crate) unsafe fn with_string(
        string: *const u16,
        call: impl FnOnce(Option<&str>) -> HRESULT,
    ) -> HRESULT {
        if LevelFilter::current() == LevelFilter::OFF {
            return call(None);
        }
        // SAFETY: the contract is this function's.
        unsafe { utf16::with_str(string, call) }
    }

    impl Method<'_> {
        fn level(&self) -> Level {
            match self {
                Method::Progress { .. } => Level::TRACE,
                _ => Level::DEBUG,
            }
        }
    }

    fn emit(direction: Direction, method: &Method<'_>, result: HRESULT, duration: Duration) {
        let is_start = matches!(method, Method::SynchronizeInBackground { .. });
        let (is_host, direction) = match direction {
            Direction::Incoming => (!is_start, "incoming"),
            Direction::Outgoing => (is_start, "outgoing"),
        };
        // A target is a constant of its event, so each event stands here once for each side.
        macro_rules! event {
            ($level:expr, $($field:tt)*) => {
                if is_host {
                    tracing::event!(target: HOST, $level, { $($field)*, direction, %result, ?duration });
                } else {
                    tracing::event!(target: PROVIDER, $level, { $($field)*, direction, %result, ?duration });
                }
            };
        }
        // The levels are those of `level`.
        match *method {
            Method::SynchronizeInBackground { flags } => {
                let flags = flags.map(debug);
                event!(Level::DEBUG, method = "SynchronizeInBackground", flags)
            }
            Method::Progress { step, index, max } => {
                event!(Level::TRACE, method = "Progress", step, index, max)
            }
            Method::Error { code, message } => {
                event!(Level::DEBUG, message, method = "Error", %code)
            }
            Method::Done { status } => event!(Level::DEBUG, method = "Done", %status),
        }
    }
}

#[cfg(not(feature = "tracing"))]
mod disabled {
    use super::{Direction, Method};
    use crate::abi::{HRESULT, SyncFlags};
    use crate::error::Result;

    /// No span.
    #[derive(Clone)]
    pub(crate) struct RunSpan;

    impl RunSpan {
        #[inline(always)]
        pub(crate) fn provider(_: SyncFlags) -> RunSpan {
            RunSpan
        }

        #[inline(always)]
        pub(crate) fn host(_: SyncFlags) -> RunSpan {
            RunSpan
        }

        #[inline(always)]
        pub(crate) fn close(self) {}
    }

    /// Runs `code`.
    #[inline(always)]
    pub(crate) fn in_scope<R>(_: Option<&RunSpan>, code: impl FnOnce() -> R) -> R {
        code()
    }

    /// Makes a call.
    #[inline(always)]
    pub(crate) fn call(_: Direction, _: Method<'_>, call: impl FnOnce() -> HRESULT) -> HRESULT {
        call()
    }

    /// Calls a method of the user's.
    #[inline(always)]
    pub(crate) fn incoming<R: Into<HRESULT>>(
        _: Method<'_>,
        code: impl FnOnce() -> Result<R>,
    ) -> Result<HRESULT> {
        code().map(Into::into)
    }

    /// Makes a call, whose string no event needs.
    ///
    /// # Safety
    ///
    /// There are no requirements. The function is `unsafe` because that of the feature is.
    #[inline(always)]
    pub(crate) unsafe fn with_string(
        _: *const u16,
        call: impl FnOnce(Option<&str>) -> HRESULT,
    ) -> HRESULT {
        call(None)
    }
}
