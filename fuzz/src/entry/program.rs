//! What the bytes of an input mean: a list of things to do with a few objects. Of every choice the plainest comes first,
//! since that is what an input that has run out of bytes goes on with.

pub use super::script::*;
pub use super::values::*;
use arbitrary::Arbitrary;

#[derive(Arbitrary, Debug)]
pub struct Program {
    /// What the callbacks answer, of those objects that are one.
    pub ears: [EarPlan; 3],
    pub ops: Vec<Op>,
}

#[derive(Arbitrary, Debug)]
pub enum Op {
    Call(Call),
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

/// A call of SynchronizeInBackground.
#[derive(Arbitrary, Debug)]
pub struct Call {
    pub door: Door,
    pub memory: Memory,
    pub flags: u32,
    pub session: bool,
    pub callback: Callback,
    pub slot: Slot,
    pub method: Method,
}

/// How the store is reached.
#[derive(Arbitrary, Debug)]
pub enum Door {
    Object(u8),
    Dispatch,
    Host,
}

/// Where MAPISIB lies.
#[derive(Arbitrary, Debug)]
pub enum Memory {
    Whole {
        shift: u8,
    },
    Null,
    /// With this `ulSize`, in as many bytes as that says, and a few more than a structure at most.
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

#[derive(Arbitrary, Debug)]
pub enum Slot {
    Own {
        shift: u8,
    },
    Null,
    /// Within MAPISIB itself.
    Inside {
        offset: u8,
    },
}

#[derive(Arbitrary, Debug)]
pub enum Callback {
    Null,
    /// One of the objects, through one of the references that there are.
    Object {
        object: u8,
        through: u8,
    },
    Foreign {
        query: Answering,
        ear: EarPlan,
    },
}

/// What a foreign object answers when it is asked for the callback's interface.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Answering {
    Well { code: Code },
    Failing { code: Code, garbage: bool },
    WithNull { code: Code },
}

/// What a callback answers, call after call and round again, and whether it keeps the event.
#[derive(Arbitrary, Clone, Debug)]
pub struct EarPlan {
    pub answers: Vec<Answer>,
    pub keeps: bool,
}

#[derive(Arbitrary, Clone, Debug)]
pub enum Answer {
    Ok,
    Code(Code),
    Panic(Panic),
}

/// What is done with a job that the store has kept.
#[derive(Arbitrary, Debug)]
pub enum JobOp {
    Work(Work),
    Finish(End),
    Drop,
    Panic(Panic),
}

/// A call of a callback's method, as C makes it.
#[derive(Arbitrary, Debug)]
pub struct RawCall {
    pub way: Way,
    pub call: Method3,
}

#[derive(Arbitrary, Debug)]
pub enum Way {
    Vtable,
    Dispatch,
}

#[derive(Arbitrary, Debug)]
pub enum Method3 {
    Progress(RawText, u32, u32),
    Error(Code, RawText),
    Done(Number, Code),
}

#[derive(Arbitrary, Debug)]
pub enum RawText {
    Null,
    Units { units: Vec<u16>, shift: u8 },
}

/// What stands where a handle should.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub enum Number {
    Null,
    MinusOne,
    /// A number that is no descriptor's.
    Far(u32),
    Beyond(u32),
    Event,
    /// The one in the slot, where there is a slot.
    Slots,
}

/// A foreign store under our host.
#[derive(Arbitrary, Debug)]
pub struct Foreign {
    pub answer: Code,
    pub flags: u32,
    pub session: bool,
    pub slot: Number,
    pub ear: EarPlan,
    pub in_call: Vec<Step>,
    pub later: Vec<Step>,
    /// Whether `later` waits until the host has the answer.
    pub free: bool,
}

#[derive(Arbitrary, Clone, Debug)]
pub enum Step {
    Progress(Text, u32, u32),
    Error(Code, Text),
    Done(Number, Code),
    Signal,
    WriteSlot(u32),
}

/// QueryInterface.
#[derive(Arbitrary, Debug)]
pub struct Query {
    pub object: u8,
    pub from: From,
    pub riid: Riid,
    pub ppv: Ppv,
    /// Whether the reference is kept.
    pub keep: bool,
}

#[derive(Arbitrary, Debug)]
pub enum From {
    Through(u8),
    /// The own IUnknown of an aggregate's inner.
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
    /// Within the identifier.
    Inside {
        offset: u8,
    },
}

/// `CreateMapiSync`.
#[derive(Arbitrary, Debug)]
pub struct Factory {
    pub there_is_a_server: bool,
    pub riid: Riid,
    pub ppv: Ppv,
    /// A run of what was made, with these flags.
    pub run: Option<u32>,
}
