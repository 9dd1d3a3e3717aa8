//! The program that an input encodes: a list of operations on a few objects.
//!
//! The first variant of every enum is the simplest one, because an input without further bytes
//! decodes to it. The corpus depends on the order of variants and fields.

pub use super::values::*;
use crate::block::Place;
use arbitrary::{Arbitrary, Result, Unstructured};

/// The largest number of operations in one program.
const OPS: usize = 24;

#[derive(Debug)]
pub struct Program {
    /// The plans of the objects that are callbacks.
    pub callbacks: [CallbackPlan; 4],
    /// The inner of the object whose outer is this crate's.
    pub inner: ForeignInner,
    pub ops: Vec<Op>,
}

impl<'a> Arbitrary<'a> for Program {
    /// Decodes operations until the bytes are used up. A list of the crate `arbitrary` would end
    /// after two of them on average.
    fn arbitrary(u: &mut Unstructured<'a>) -> Result<Program> {
        let (callbacks, inner, mut ops) = (u.arbitrary()?, u.arbitrary()?, vec![]);
        while !u.is_empty() && ops.len() < OPS {
            ops.push(u.arbitrary()?);
        }
        Ok(Program { callbacks, inner, ops })
    }
}

/// The result of the function that creates the inner for `aggregate_foreign`.
#[derive(Arbitrary, Debug)]
pub enum ForeignInner {
    Proper,
    /// An inner whose `QueryInterface` always fails.
    Misbehaving(QueryFailure),
    /// No inner: `Ok` with NULL, a failure or a panic.
    None(Return),
}

#[derive(Arbitrary, Debug)]
pub enum Op {
    Call(SyncCall),
    /// An operation on one of the jobs that the store has kept.
    Job(u8, JobOp),
    /// A call of an object as a callback.
    Raw(u8, CallbackCall, Path),
    Host(ForeignStore),
    Reference(Reference),
    /// `create_instance`, with a function that has this result.
    Create(Return, Query),
}

/// The way to a method: the object's vtable, or the crate's function for other vtables.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Path {
    Vtable,
    Dispatch,
}

/// An operation on the references to an object.
#[derive(Arbitrary, Debug)]
pub struct Reference {
    pub object: u8,
    /// Whether the operation is on the non-delegating `IUnknown` of an aggregate's inner.
    pub own: bool,
    /// Which of the held references is used.
    pub which: u8,
    pub op: ReferenceOp,
}

#[derive(Arbitrary, Debug)]
pub enum ReferenceOp {
    Query(Query),
    AddRef,
    Release,
}

/// A call of `QueryInterface`.
#[derive(Arbitrary, Debug)]
pub struct Query {
    pub riid: Riid,
    /// The offset of the IID from an aligned address.
    pub shift: u8,
    pub ppv: Place,
    /// Whether the program keeps the new reference.
    pub keep: bool,
}

#[derive(Arbitrary, Debug)]
pub enum Riid {
    Known(u8),
    Null,
    /// A known IID with another bit.
    Near(u8, u8),
    Any([u8; 16]),
}

/// A call of `SynchronizeInBackground`.
#[derive(Arbitrary, Debug)]
pub struct SyncCall {
    pub object: u8,
    pub path: Path,
    pub memory: Memory,
    /// The offset of the structure from an aligned address.
    pub shift: u8,
    pub flags: u32,
    pub session: bool,
    pub callback: Callback,
    pub location: Place,
    pub method: Method,
}

/// The memory of `MAPISIB`: its `ulSize`, and the value of the bytes beyond the structure.
#[derive(Arbitrary, Debug)]
pub enum Memory {
    Whole,
    Null,
    Near(u8, u8),
    Any(u32, u8),
}

#[derive(Arbitrary, Debug)]
pub enum Callback {
    Null,
    /// One of the objects, through one of its held references.
    Object(u8, u8),
    /// An object that returns any code.
    Foreign(CallbackPlan),
    /// An object whose `QueryInterface` fails.
    Misbehaving(QueryFailure),
}

/// The behavior of a callback: the values that it returns, call after call and then from the first
/// again, and whether it keeps the event.
#[derive(Arbitrary, Clone, Debug, Default)]
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
    /// Starts a job and applies operations to it. The store keeps the job, unless one of them ends
    /// it.
    Kept(Vec<JobOp>),
    /// The same, but the store drops the job at the method's end.
    Dropped(Vec<JobOp>),
}

#[derive(Arbitrary, Clone, Debug)]
pub struct Spawn {
    pub acts: Vec<Act>,
    /// Whether the first failing act ends the work, as `?` does.
    pub propagates: bool,
    pub end: End,
    /// The panic that ends the work instead.
    pub panic: Option<Panic>,
    pub handle: Handle,
    /// Whether the closure's capture panics when it is dropped.
    pub capture_panics: bool,
}

/// The store's use of the job's handle. In `JoinInCall` the work ends before the method returns,
/// otherwise it begins afterwards.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Handle {
    JoinInCall,
    None,
    Join,
    CancelAndJoin,
}

/// An operation on a job, on this or another thread.
#[derive(Arbitrary, Clone, Debug)]
pub struct JobOp {
    pub elsewhere: bool,
    pub kind: JobOpKind,
}

#[derive(Arbitrary, Clone, Debug)]
pub enum JobOpKind {
    Act(Act),
    Finish(End),
    Drop,
    /// A panic of another thread that owns the job.
    Panic(Panic),
}

#[derive(Arbitrary, Clone, Debug)]
pub enum Act {
    Position(u32, u32),
    Progress(AnyString, u32, u32),
    Error(Code, AnyString),
    Nothing,
}

#[derive(Arbitrary, Clone, Debug)]
pub enum End {
    Ok,
    Status(Code),
    Err(Failure),
}

/// A call of a callback's method, as C calls it.
#[derive(Arbitrary, Clone, Debug)]
pub enum CallbackCall {
    Progress(RawString, u32, u32),
    Error(Code, RawString),
    Done(RawHandle, Code),
}

/// A foreign store under this crate's host.
#[derive(Arbitrary, Clone, Debug)]
pub struct ForeignStore {
    pub code: Code,
    pub flags: u32,
    pub session: bool,
    /// The handle that the store writes to the event handle location.
    pub stored: RawHandle,
    pub callback: CallbackPlan,
    pub in_call: Vec<Step>,
    pub later: Vec<Step>,
    /// Whether the run is dropped before the later steps.
    pub drops_run: bool,
}

#[derive(Arbitrary, Clone, Debug)]
pub enum Step {
    Call(CallbackCall),
    /// Signals one of the store's two events.
    Signal(bool),
    /// Writes another number to the event handle location, after the method has returned.
    OverwriteHandle(u32),
}
