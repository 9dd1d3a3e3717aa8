//! COM in Rust: counted pointers to anybody's objects, and objects of our own. Nothing here knows about mail.
//!
//! # Ownership
//!
//! 1. A [`ComPtr`] owns one reference. Making one from a raw pointer with `from_raw` takes that reference over,
//!    `clone` adds one, dropping gives one back, `into_raw` hands it on.
//! 2. A [`ComRef`] owns nothing. It borrows for a lifetime, as a COM *in-parameter* is borrowed for the call; whoever
//!    wants to keep the object calls [`ComRef::to_ptr`], which adds a reference.
//! 3. What comes *out* of a call (`cast`, that is `QueryInterface`) is owned by who called.
//! 4. The payload of an object lives until its last reference is given back, and is dropped on the thread that does so.
//!
//! # Objects
//!
//! An object is one allocation: the vtable pointers (one for each interface of its [`Class`]), the count, the payload.
//! A pointer to the n-th vtable pointer is the object's n-th interface. A caller reaches the object from there by
//! subtracting a constant, the [`Seat`]; nothing is looked up.
//!
//! # Threads
//!
//! COM objects may be called from any thread that has a pointer, so a payload must be `Send + Sync`. A `ComPtr<I>` may
//! leave its thread only where `I` is [`FreeThreaded`]: the MAPI interfaces are, a bare `IUnknown` is not.
//!
//! # Panics
//!
//! No unwinding crosses the boundary. [`Seat::call`] turns a panic into `E_UNEXPECTED`; a payload whose `Drop` panics
//! is freed all the same. Two panics at once, `panic = "abort"` and builds without the feature `std` abort the process.
//! After a caught panic the payload is used on, as a `Mutex` that was poisoned shows: that is a question of the
//! store's logic, not of memory.

mod allocation;
mod class;
mod com_object;
mod count;
pub(crate) mod guard;
mod interface;
mod ptr;
mod seat;

pub use class::{Class, Implements, InterfaceList};
pub use com_object::ComObject;
pub use interface::{FreeThreaded, Interface};

pub use ptr::{ComPtr, ComRef};
pub use seat::Seat;
