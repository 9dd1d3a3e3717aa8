//! The bytes that each method removes from the stack on 32-bit x86 Windows, where the callee does
//! so.

/// The bytes of arguments, `this` included, that a method removes from the stack when it returns.
///
/// A method that is declared `extern "C"` by mistake removes none, and the caller's stack pointer
/// is wrong from then on. On every other target the mistake has no effect.
#[derive(Clone, Copy, Debug)]
pub struct StackBytes {
    /// The interface that declares the method.
    pub interface: &'static str,
    /// The method.
    pub method: &'static str,
    /// The number of bytes, which is the operand of `ret`.
    pub bytes: usize,
}

const fn pops(interface: &'static str, method: &'static str, bytes: usize) -> StackBytes {
    StackBytes {
        interface,
        method,
        bytes,
    }
}

/// Every method of the interfaces in `mapisync::abi`, in the order of the vtable slots.
pub const STDCALL_BYTES: [StackBytes; 7] = [
    pops("IUnknown", "QueryInterface", 12),
    pops("IUnknown", "AddRef", 4),
    pops("IUnknown", "Release", 4),
    pops("IMAPISync", "SynchronizeInBackground", 8),
    pops("IMAPISyncProgressCallback", "Progress", 16),
    pops("IMAPISyncProgressCallback", "Error", 12),
    pops("IMAPISyncProgressCallback", "Done", 12),
];
