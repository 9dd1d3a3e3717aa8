//! MAPI's allocator. It counts its buffers.

use mapisync::HRESULT;
use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::Mutex;
use wrapped_store32::mapi::MapiMemory;

/// The buffers: each with those that belong to it.
static BUFFERS: Mutex<Option<Buffers>> = Mutex::new(None);

type Buffers = HashMap<usize, Vec<Box<[u64]>>>;

fn with_buffers<R>(use_them: impl FnOnce(&mut Buffers) -> R) -> R {
    let mut buffers = BUFFERS.lock().unwrap();
    use_them(buffers.get_or_insert_default())
}

/// Returns the number of buffers that have not been freed.
pub fn buffers() -> usize {
    with_buffers(|buffers| buffers.len())
}

fn block(size: u32) -> Box<[u64]> {
    vec![0xDDDD_DDDD_DDDD_DDDD; (size as usize).div_ceil(8)].into()
}

pub unsafe extern "system" fn allocate(size: u32, buffer: *mut *mut c_void) -> HRESULT {
    let mut block = block(size);
    let address = block.as_mut_ptr();
    with_buffers(|buffers| buffers.insert(address.expose_provenance(), vec![block]));
    // SAFETY: the caller passes a valid location.
    unsafe { *buffer = address.cast() };
    HRESULT::S_OK
}

pub unsafe extern "system" fn more(
    size: u32,
    object: *mut c_void,
    buffer: *mut *mut c_void,
) -> HRESULT {
    let mut block = block(size);
    let address = block.as_mut_ptr();
    with_buffers(|buffers| {
        let owner = buffers.get_mut(&object.addr());
        owner.expect("a buffer of this allocator").push(block);
    });
    // SAFETY: the caller passes a valid location.
    unsafe { *buffer = address.cast() };
    HRESULT::S_OK
}

pub unsafe extern "system" fn free(buffer: *mut c_void) -> u32 {
    if !buffer.is_null() {
        let freed = with_buffers(|buffers| buffers.remove(&buffer.addr()));
        freed.expect("a buffer of this allocator, freed once");
    }
    0
}

/// Returns the allocator as the provider has it.
pub fn memory() -> MapiMemory {
    // SAFETY: the functions are those of one allocator, and accept calls on any thread.
    unsafe { MapiMemory::new(Some(allocate), Some(more), Some(free)) }.unwrap()
}

/// Returns bytes in a new buffer, which the caller of a method owns.
pub fn buffer_of(bytes: &[u8]) -> *mut u8 {
    memory().allocate(bytes).unwrap().into_raw()
}
