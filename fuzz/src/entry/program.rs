//! The program that an input encodes: a list of operations on a few objects.
//!
//! The first variant of every enum is the simplest one, because an input without further bytes
//! decodes to it. The corpus depends on the order of variants and fields, so it must not change.

pub use super::script::*;
pub use super::values::*;
use arbitrary::Arbitrary;

#[derive(Arbitrary, Debug)]
pub struct Program {
    /// The plans of the objects that are callbacks.
    pub callbacks: [CallbackPlan; 3],
    pub ops: Vec<Op>,
}

#[derive(Arbitrary, Debug)]
pub enum Op {
    Call(SyncCall),
    Job {
        which: u8,
        elsewhere: bool,
        op: JobOp,
    },
    Raw {
        object: u8,
        threads: Vec<Vec<RawCall>>,
    },
    Host(Foreign),
    Query(Query),
    AddRef {
        object: u8,
        through: u8,
    },
    Release {
        object: u8,
        which: u8,
    },
    Factory(Factory),
}

/// A call of `SynchronizeInBackground`.
#[derive(Arbitrary, Debug)]
pub struct SyncCall {
    pub entry_point: EntryPoint,
    pub memory: Memory,
    pub flags: u32,
    pub session: bool,
    pub callback: Callback,
    pub location: EventLocation,
    pub method: Method,
}

/// The way to call the store.
#[derive(Arbitrary, Debug)]
pub enum EntryPoint {
    Object(u8),
    Dispatch,
    Host,
}

/// The memory of `MAPISIB`.
#[derive(Arbitrary, Debug)]
pub enum Memory {
    Whole {
        shift: u8,
    },
    Null,
    /// A structure with this `ulSize` and as many bytes, but at most a few more than `MAPISIB` has.
    Sized {
        size: Size,
        shift: u8,
        filling: u8,
    },
}

#[derive(Arbitrary, Debug)]
pub enum Size {
    Near(u8),
    Any(u32),
}

/// The event handle location.
#[derive(Arbitrary, Debug)]
pub enum EventLocation {
    Own {
        shift: u8,
    },
    Null,
    /// Within `MAPISIB` itself.
    Inside {
        offset: u8,
    },
}

#[derive(Arbitrary, Debug)]
pub enum Callback {
    Null,
    /// One of the objects, through one of its held references.
    Object {
        object: u8,
        through: u8,
    },
    Foreign {
        query: QueryResult,
        callback: CallbackPlan,
    },
}

/// The result of a foreign object's `QueryInterface` for the callback's interface.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum QueryResult {
    Success { code: Code },
    Failure { code: Code, garbage: bool },
    SuccessWithNull { code: Code },
}

/// The behavior of a callback: the values that it returns, call after call and then from the first
/// again, and whether it keeps the event.
#[derive(Arbitrary, Clone, Debug)]
pub struct CallbackPlan {
    pub returns: Vec<CallbackReturn>,
    pub keeps_event: bool,
}

#[derive(Arbitrary, Clone, Debug)]
pub enum CallbackReturn {
    Ok,
    Code(Code),
    Panic(Panic),
}

/// An operation on a job that the store has kept.
#[derive(Arbitrary, Debug)]
pub enum JobOp {
    Work(Work),
    Finish(End),
    Drop,
    Panic(Panic),
}

/// A call of a callback's method, as C calls it.
#[derive(Arbitrary, Debug)]
pub struct RawCall {
    pub path: CallPath,
    pub call: CallbackCall,
}

#[derive(Arbitrary, Debug)]
pub enum CallPath {
    Vtable,
    Dispatch,
}

#[derive(Arbitrary, Debug)]
pub enum CallbackCall {
    Progress(RawString, u32, u32),
    Error(Code, RawString),
    Done(RawHandle, Code),
}

#[derive(Arbitrary, Debug)]
pub enum RawString {
    Null,
    Units { units: Vec<u16>, shift: u8 },
}

/// The value of a handle argument.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum RawHandle {
    Null,
    MinusOne,
    /// A number that is not an open descriptor.
    Far(u32),
    Beyond(u32),
    Event,
    /// The handle in the event handle location, if there is one.
    Stored,
}

/// A foreign store under this crate's host.
#[derive(Arbitrary, Debug)]
pub struct Foreign {
    pub code: Code,
    pub flags: u32,
    pub session: bool,
    pub location: RawHandle,
    pub callback: CallbackPlan,
    pub in_call: Vec<Step>,
    pub later: Vec<Step>,
    /// Whether the steps in `later` do not wait for the return of the host's call.
    pub free: bool,
}

#[derive(Arbitrary, Clone, Debug)]
pub enum Step {
    Progress(AnyString, u32, u32),
    Error(Code, AnyString),
    Done(RawHandle, Code),
    Signal,
    OverwriteHandle(u32),
}

/// A call of `QueryInterface`.
#[derive(Arbitrary, Debug)]
pub struct Query {
    pub object: u8,
    pub from: From,
    pub riid: Riid,
    pub ppv: Ppv,
    /// Whether the program keeps the reference.
    pub keep: bool,
}

#[derive(Arbitrary, Debug)]
pub enum From {
    Through(u8),
    /// The non-delegating `IUnknown` of an aggregate's inner.
    Inner,
}

#[derive(Arbitrary, Debug)]
pub enum Riid {
    Known { which: u8, shift: u8 },
    Null,
    Near { which: u8, bit: u8, shift: u8 },
    Any { bytes: [u8; 16], shift: u8 },
}

#[derive(Arbitrary, Debug)]
pub enum Ppv {
    Own {
        shift: u8,
    },
    Null,
    /// Within the IID.
    Inside {
        offset: u8,
    },
}

/// A call of `CreateMapiSync`.
#[derive(Arbitrary, Debug)]
pub struct Factory {
    pub there_is_a_server: bool,
    pub riid: Riid,
    pub ppv: Ppv,
    /// The flags for a run of the new store, if there is a run.
    pub run: Option<u32>,
}
