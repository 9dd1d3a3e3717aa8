//! What each method takes off the stack where the callee does so: on 32-bit x86 Windows.

/// The bytes of arguments, `this` included, that a method removes from the stack when it returns.
///
/// A method declared `extern "C"` by mistake removes none, and its caller's stack is off from then on; on every other
/// target the mistake does not show.
///
/// ```
/// use mapisync::abi::layout::STDCALL_BYTES;
///
/// let progress = STDCALL_BYTES.iter().find(|entry| entry.method == "Progress").unwrap();
/// assert_eq!(progress.bytes, 4 * 4, "this, pwcszProgress, ulIndex, ulIndexMax");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StackBytes {
    /// The interface that declares the method.
    pub interface: &'static str,
    /// The method.
    pub method: &'static str,
    /// How many bytes; `ret` has it as its operand.
    pub bytes: usize,
}

const fn pops(interface: &'static str, method: &'static str, bytes: usize) -> StackBytes {
    StackBytes {
        interface,
        method,
        bytes,
    }
}

/// Every method of [`abi`](crate::abi)'s interfaces, in the order of their slots.
///
/// ```
/// use mapisync::abi::layout::STDCALL_BYTES;
/// assert_eq!(STDCALL_BYTES.map(|entry| entry.bytes), [12, 4, 4, 8, 16, 12, 12]);
/// ```
pub const STDCALL_BYTES: [StackBytes; 7] = [
    pops("IUnknown", "QueryInterface", 12),
    pops("IUnknown", "AddRef", 4),
    pops("IUnknown", "Release", 4),
    pops("IMAPISync", "SynchronizeInBackground", 8),
    pops("IMAPISyncProgressCallback", "Progress", 16),
    pops("IMAPISyncProgressCallback", "Error", 12),
    pops("IMAPISyncProgressCallback", "Done", 12),
];
