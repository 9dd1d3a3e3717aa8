//! The part of a program that describes the store's method. The corpus depends on the order of
//! variants and fields, so it must not change.

use super::values::{AnyString, Code, Failure, Panic};
use arbitrary::Arbitrary;

/// The behavior of the store's method.
#[derive(Arbitrary, Clone, Debug)]
pub struct Method {
    pub start: Start,
    /// Whether the method returns the error of a failed start.
    pub propagates: bool,
    pub returns: Return,
}

#[derive(Arbitrary, Clone, Debug)]
pub enum Start {
    Spawn(Spawn),
    Nothing,
    Job { acts: Vec<Act>, fate: Fate },
}

#[derive(Arbitrary, Clone, Debug)]
pub struct Spawn {
    pub work: Work,
    pub end: End,
    pub when: When,
    pub handle: Handle,
    /// Whether the closure's capture panics when it is dropped.
    pub capture_panics: bool,
}

/// The time of a thread's work: before the method returns, afterwards, or at any time.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum When {
    InCall,
    AfterReturn,
    Free,
}

#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Handle {
    Drop,
    Join,
    CancelAndJoin,
}

/// The later use of a job that the method has started.
#[derive(Arbitrary, Clone, Debug)]
pub enum Fate {
    Keep,
    Finish(End),
    Drop,
    Thread {
        work: Work,
        fate: ThreadFate,
        when: When,
    },
    Shared(Vec<Vec<Act>>),
    Panic(Panic),
}

#[derive(Arbitrary, Clone, Debug)]
pub enum ThreadFate {
    Finish(End),
    Drop,
    Panic(Panic),
}

#[derive(Arbitrary, Clone, Debug)]
pub enum Return {
    Ok,
    Err(Failure),
    Panic(Panic),
}

#[derive(Arbitrary, Clone, Debug)]
pub struct Work {
    pub acts: Vec<Act>,
    /// Whether the first failing act ends the work, as `?` does.
    pub propagates: bool,
}

#[derive(Arbitrary, Clone, Debug)]
pub enum Act {
    Position(u32, u32),
    Progress(AnyString, u32, u32),
    Units(Vec<u16>, u32, u32),
    Error(Code, AnyString),
    IsCanceled,
}

#[derive(Arbitrary, Clone, Debug)]
pub enum End {
    Ok,
    Status(Code),
    Err(Failure),
    Panic(Panic),
}
