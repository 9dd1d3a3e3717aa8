//! Codes, strings, handles, errors and panics in a program.

use crate::block::Block;
use arbitrary::Arbitrary;
use mapisync::abi::HANDLE;
use mapisync::{Error, HRESULT, Result};
use std::ffi::c_void;
use std::{io, ptr};
use test_support::{PanicOnDrop, garbage};

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

    /// Returns the code of an `Err`, for which a success code counts as `E_FAIL`.
    pub fn failing(self) -> HRESULT {
        let code = self.hresult();
        if code.is_ok() { HRESULT::E_FAIL } else { code }
    }
}

/// A failure of a foreign `QueryInterface`: any code with NULL, or a failure with an invalid
/// pointer.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum QueryFailure {
    Null(Code),
    Garbage(Code),
}

impl QueryFailure {
    /// Returns the code, and the value of the out parameter.
    pub fn result(self) -> (HRESULT, *mut c_void) {
        match self {
            QueryFailure::Null(code) => (code.hresult(), ptr::null_mut()),
            QueryFailure::Garbage(code) => (code.failing(), garbage()),
        }
    }

    /// Returns the code that the crate's caller must get.
    pub fn code(self) -> HRESULT {
        let (code, _) = self.result();
        if code.is_ok() { HRESULT::E_NOINTERFACE } else { code }
    }
}

/// A panic whose payload panics so many times when it is dropped.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub struct Panic(u8);

impl Panic {
    pub fn raise(self) -> ! {
        std::panic::panic_any(PanicOnDrop(u32::from(self.0 % 8)))
    }
}

#[derive(Arbitrary, Clone, Debug)]
pub enum Failure {
    Code(Code),
    Message(Code, String),
    NotFound,
    Canceled,
}

impl Failure {
    pub fn error(&self) -> Error {
        match self {
            Failure::Code(code) => code.hresult().into(),
            Failure::Message(code, message) => Error::new(code.hresult(), message),
            Failure::NotFound => io::Error::from(io::ErrorKind::NotFound).into(),
            Failure::Canceled => Error::Canceled,
        }
    }

    /// Returns the code with which the method must fail, or the run end.
    pub fn code(&self) -> HRESULT {
        match self {
            Failure::Code(code) | Failure::Message(code, _) => code.failing(),
            Failure::NotFound => HRESULT::MAPI_E_NOT_FOUND,
            Failure::Canceled => HRESULT::MAPI_E_USER_CANCEL,
        }
    }
}

/// The result of a method.
#[derive(Arbitrary, Clone, Debug)]
pub enum Return {
    Ok,
    Err(Failure),
    Panic(Panic),
}

impl Return {
    /// Returns or panics as the method.
    pub fn result(&self) -> Result<()> {
        match self {
            Return::Ok => Ok(()),
            Return::Err(failure) => Err(failure.error()),
            Return::Panic(panic) => panic.raise(),
        }
    }

    /// Returns the code that the caller must get.
    pub fn code(&self) -> HRESULT {
        match self {
            Return::Ok => HRESULT::S_OK,
            Return::Err(failure) => failure.code(),
            Return::Panic(_) => HRESULT::E_UNEXPECTED,
        }
    }
}

/// A Rust string: any, or one of 240 to 271 characters, as the crate's stack buffer has 256.
#[derive(Arbitrary, Clone, Debug)]
pub enum AnyString {
    Plain(String),
    Units(Vec<u16>),
    Long(char, u8),
}

impl AnyString {
    pub fn build(&self) -> String {
        match self {
            AnyString::Plain(string) => string.clone(),
            AnyString::Units(units) => String::from_utf16_lossy(units),
            AnyString::Long(character, more) => {
                (0..240 + u16::from(more % 32)).map(|_| *character).collect()
            }
        }
    }
}

/// A string of C.
#[derive(Arbitrary, Clone, Debug)]
pub enum RawString {
    Null,
    /// The units, and the offset from an aligned address.
    Units(Vec<u16>, u8),
    /// 330 to 361 units, as the crate's buffer has room for 341.
    Long(u16, u8),
}

impl RawString {
    /// Calls `code` with the string in memory, and returns the string that a callback must get.
    pub fn with<R>(&self, code: impl FnOnce(*const u16) -> R) -> (Option<String>, R) {
        let (units, shift) = match self {
            RawString::Null => return (None, code(ptr::null())),
            RawString::Units(units, shift) => (units.clone(), *shift),
            RawString::Long(unit, more) => (vec![*unit; 330 + usize::from(more % 32)], 0),
        };
        let units: Vec<_> = units.into_iter().take_while(|unit| *unit != 0).collect();
        let terminated = units.iter().chain([&0]);
        let bytes: Vec<_> = terminated.flat_map(|unit| unit.to_ne_bytes()).collect();
        let memory = Block::new(&bytes, shift);
        (Some(String::from_utf16_lossy(&units)), code(memory.at()))
    }
}

/// The value of a handle argument: an invalid handle, or one of the store's two events.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum RawHandle {
    Null,
    MinusOne,
    /// A number that is not an open handle.
    Far(u32),
    Beyond(u32),
    Event(bool),
}

impl RawHandle {
    /// Returns the index of the event among the store's two events, if the handle is one of theirs.
    pub fn index(self) -> Option<usize> {
        match self {
            RawHandle::Event(second) => Some(second.into()),
            _ => None,
        }
    }

    /// Returns the handle, for events with these numbers.
    pub fn handle(self, events: [usize; 2]) -> HANDLE {
        ptr::without_provenance_mut(match self {
            RawHandle::Null => 0,
            RawHandle::MinusOne => usize::MAX,
            // No process has so many handles.
            RawHandle::Far(far) => (far as i32 & i32::MAX | 1 << 30) as usize,
            RawHandle::Beyond(beyond) => (u64::from(beyond) << 31 | 1 << 40) as usize,
            RawHandle::Event(second) => events[usize::from(second)],
        })
    }
}
