//! Codes, strings, errors and panics in a program. The corpus depends on the order of variants and
//! fields, so it must not change.

use crate::panic_hook::{PanicOnDrop, SCRIPTED};
use arbitrary::Arbitrary;
use mapisync::abi::IMAPISync;
use mapisync::testing::{Method, Recorder};
use mapisync::{ComPtr, Error, HRESULT, MapiSync, Result, SyncFlags, SyncHost, SyncRequest};
use std::io;
use std::sync::{Arc, Mutex};

#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Code {
    Ok,
    Fail,
    Cancel,
    Partial,
    Any(i32),
}

impl Code {
    pub fn hresult(self) -> HRESULT {
        match self {
            Code::Ok => HRESULT::S_OK,
            Code::Fail => HRESULT::E_FAIL,
            Code::Cancel => HRESULT::MAPI_E_USER_CANCEL,
            Code::Partial => HRESULT::MAPI_W_PARTIAL_COMPLETION,
            Code::Any(code) => HRESULT(code),
        }
    }
}

#[derive(Arbitrary, Clone, Debug)]
pub enum Panic {
    Plain,
    Message(String),
    OnDrop(u8),
}

impl Panic {
    /// Returns the panic's message, if it has one.
    pub fn message(&self) -> Option<String> {
        match self {
            Panic::Plain => Some(SCRIPTED.into()),
            Panic::Message(message) => Some(format!("{SCRIPTED}{message}")),
            Panic::OnDrop(_) => None,
        }
    }

    pub fn raise(&self) -> ! {
        match self {
            Panic::OnDrop(depth) => PanicOnDrop::raise(depth % 20),
            _ => panic!("{}", self.message().unwrap_or_default()),
        }
    }
}

/// A string, possibly longer than the crate's stack buffer.
#[derive(Arbitrary, Clone, Debug)]
pub enum AnyString {
    Plain(String),
    Long {
        before: String,
        character: char,
        times: u16,
    },
}

impl AnyString {
    pub fn build(&self) -> String {
        match self {
            AnyString::Plain(string) => string.clone(),
            AnyString::Long {
                before,
                character,
                times,
            } => {
                // About as long as the buffer, or any length.
                let times = if times & 1 == 0 {
                    240 + times % 32
                } else {
                    times % 600
                };
                let long = (0..times).map(|_| character);
                before.chars().chain(long.copied()).collect()
            }
        }
    }
}

#[derive(Arbitrary, Clone, Debug)]
pub enum Failure {
    Code(Code),
    Message(Code, String),
    NotFound,
    Canceled,
    Host(Code),
}

impl Failure {
    pub fn error(&self) -> Error {
        match self {
            Failure::Code(code) => code.hresult().into(),
            Failure::Message(code, message) => Error::new(code.hresult(), message),
            Failure::NotFound => io::Error::from(io::ErrorKind::NotFound).into(),
            Failure::Canceled => Error::Canceled,
            Failure::Host(code) => host_error(code.hresult()),
        }
    }
}

/// Returns the error of a job whose host fails with this code, or with `E_FAIL` for a success code.
fn host_error(code: HRESULT) -> Error {
    struct Store(Arc<Mutex<Option<Error>>>);
    impl MapiSync for Store {
        fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
            let job = request.start()?;
            *self.0.lock().unwrap() = job.position(0, 1).err();
            job.finish(Ok(()));
            Ok(())
        }
    }
    let error = Arc::default();
    let sync = ComPtr::<IMAPISync>::new(Store(Arc::clone(&error)));
    let code = if code.is_err() { code } else { HRESULT::E_FAIL };
    let host = SyncHost::new(Recorder::new().returns(Method::Progress, code));
    let _run = host.start(&sync, SyncFlags::empty()).unwrap();
    error.lock().unwrap().take().unwrap()
}
