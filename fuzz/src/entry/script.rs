//! What the store does when it is called.

use super::values::{Code, Failure, Panic, Text};
use arbitrary::Arbitrary;

/// What the store's method does.
#[derive(Arbitrary, Clone, Debug)]
pub struct Method {
    pub start: Start,
    /// Whether a failing start is what the method fails with.
    pub heeds: bool,
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
    /// What the closure has captured panics when it is dropped.
    pub bomb: bool,
}

/// When a thread does its work: before the method returns, after, or whenever it comes to it.
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

/// What becomes of a job that the method has started for itself.
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
    /// Whether the first act that fails ends it, as `?` does.
    pub heeds: bool,
}

#[derive(Arbitrary, Clone, Debug)]
pub enum Act {
    Position(u32, u32),
    Progress(Text, u32, u32),
    Wide(Vec<u16>, u32, u32),
    Error(Code, Text),
    IsCancelled,
}

#[derive(Arbitrary, Clone, Debug)]
pub enum End {
    Ok,
    Status(Code),
    Err(Failure),
    Panic(Panic),
}
