//! Codes, texts, errors and panics of a program's choosing.

use crate::alarm::{Bomb, SCRIPTED};
use arbitrary::Arbitrary;
use mapisync::{Error, HRESULT};
use std::io;

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
    Text(String),
    Bomb(u8),
}

impl Panic {
    /// The text that it has, if it is one.
    pub fn text(&self) -> Option<String> {
        match self {
            Panic::Plain => Some(SCRIPTED.into()),
            Panic::Text(text) => Some(format!("{SCRIPTED}{text}")),
            Panic::Bomb(_) => None,
        }
    }

    pub fn raise(&self) -> ! {
        match self {
            Panic::Bomb(depth) => Bomb::raise(depth % 20),
            _ => panic!("{}", self.text().unwrap_or_default()),
        }
    }
}

/// A text, also one that is longer than the crate's buffer on the stack.
#[derive(Arbitrary, Clone, Debug)]
pub enum Text {
    Plain(String),
    Long {
        before: String,
        character: char,
        times: u16,
    },
}

impl Text {
    pub fn text(&self) -> String {
        match self {
            Text::Plain(text) => text.clone(),
            Text::Long {
                before,
                character,
                times,
            } => {
                // About as long as the buffer is, or any length.
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
    Text(Code, String),
    NotFound,
    Cancelled,
    Host(Code),
}

impl Failure {
    pub fn error(&self) -> Error {
        match self {
            Failure::Code(code) => code.hresult().into(),
            Failure::Text(code, text) => Error::new(code.hresult(), text),
            Failure::NotFound => io::Error::from(io::ErrorKind::NotFound).into(),
            Failure::Cancelled => Error::Canceled,
            Failure::Host(code) => Error::Host {
                method: "Progress",
                code: code.hresult(),
            },
        }
    }
}
