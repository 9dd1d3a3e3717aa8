//! A COM object in a library without std. Its panic handler proves that no dependency links std:
//! std's own panic handler would be a second one, which does not compile.
#![no_std]

extern crate alloc;

use alloc::alloc::{GlobalAlloc, Layout};
use alloc::string::String;
use mapisync::abi::{IUnknown, IUnknownVtbl};
use mapisync::{
    Class, ComObject, ComPtr, GUID, HRESULT, ImplementedBy, Interface, Thunk, com_interface,
};

#[repr(C)]
struct ILength {
    vtbl: *const ILengthVtbl,
}

#[repr(C)]
struct ILengthVtbl {
    base: IUnknownVtbl,
    length: unsafe extern "system" fn(this: *mut ILength) -> u32,
}

// SAFETY: `Interface` requires one pointer to a vtable that begins with the base's slots, as the
// structs above have it. No other interface has this IID.
unsafe impl Interface for ILength {
    type Vtbl = ILengthVtbl;
    type Base = IUnknown;
    const IID: GUID = GUID::from_u128(0x5);
}

struct Payload(String);

impl Class for Payload {
    type Interfaces = (ILength, ICapacity);
}

// SAFETY: the `IUnknown` slots are those of `Thunk` for this index, and the method uses this index.
unsafe impl<const INDEX: usize> ImplementedBy<Payload, INDEX> for ILength {
    const VTABLE: &'static ILengthVtbl = &ILengthVtbl {
        base: Thunk::<Payload, INDEX>::UNKNOWN,
        length: length::<INDEX>,
    };
}

unsafe extern "system" fn length<const INDEX: usize>(this: *mut ILength) -> u32 {
    // SAFETY: only the vtable of this index holds this function, so `this` is this interface of a
    // live object.
    unsafe { Thunk::<Payload, INDEX>::payload(this) }.0.len() as u32
}

com_interface! {
    /// The other interface, by the macro.
    // SAFETY: an interface of this library only.
    unsafe interface ICapacity: IUnknown("00000000-0000-0000-0000-000000000006") {
        vtable ICapacityVtbl;
        trait Capacity;
        calls ICapacityCalls;
        fn Reserve(bytes: u32) -> HRESULT;
        fn Capacity() -> u32 = 0;
    }
}

impl Capacity for Payload {
    fn Capacity(&self) -> u32 {
        self.0.capacity() as u32
    }
}

/// Creates an object, queries its interfaces and calls one.
#[unsafe(no_mangle)]
pub extern "C" fn create_and_query() -> HRESULT {
    let object = ComObject::new(Payload(String::from("no std")));
    let length: mapisync::Result<ComPtr<ILength>> = object.cast();
    let capacity: mapisync::Result<ComPtr<ICapacity>> = length.and_then(|length| length.cast());
    capacity.map_or_else(
        |error| error.hresult(),
        |capacity| capacity.Reserve(capacity.Capacity()),
    )
}

struct NoMemory;

// SAFETY: `GlobalAlloc` allows `alloc` to return NULL always, so `dealloc` is never called.
unsafe impl GlobalAlloc for NoMemory {
    unsafe fn alloc(&self, _: Layout) -> *mut u8 {
        core::ptr::null_mut()
    }
    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static ALLOCATOR: NoMemory = NoMemory;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
