//! A COM object in a library without std. Its panic handler proves that no dependency links std:
//! std's own panic handler would be a second one, which does not compile.
#![no_std]

extern crate alloc;

use alloc::alloc::{GlobalAlloc, Layout};
use alloc::string::String;
use mapisync::abi::IUnknown;
use mapisync::{Class, ComObject, ComPtr, HRESULT, com_interface};

struct Payload(String);

impl Class for Payload {
    type Interfaces = (ICapacity,);
}

com_interface! {
    /// The payload's own interface.
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

/// Creates an object, queries its interface and calls it.
#[unsafe(no_mangle)]
pub extern "C" fn create_and_query() -> HRESULT {
    let object = ComObject::new(Payload(String::from("no std")));
    let capacity: mapisync::Result<ComPtr<ICapacity>> = object.cast();
    capacity.map_or_else(|error| error.hresult(), |capacity| capacity.Reserve(capacity.Capacity()))
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
