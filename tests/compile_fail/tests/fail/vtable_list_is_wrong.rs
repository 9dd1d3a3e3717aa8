//! Lists that name other methods or another base than the vtables have.

use mapisync::HRESULT;
use mapisync::abi::{IMAPISyncVtbl, IUnknown, IUnknownVtbl};

type Method = unsafe extern "system" fn(this: *mut IUnknown) -> HRESULT;

#[repr(C)]
struct NotListed {
    base: IUnknownVtbl,
    Advise: Method,
    Unadvise: Method,
}
mapisync::vtable_layout! { NotListed { base: IUnknownVtbl, Advise } }

#[repr(C)]
struct NotThere {
    base: IUnknownVtbl,
    Advise: Method,
}
mapisync::vtable_layout! { NotThere { base: IUnknownVtbl, Advise, Unadvise } }

#[repr(C)]
struct ListedTwice {
    base: IUnknownVtbl,
    Advise: Method,
}
mapisync::vtable_layout! { ListedTwice { base: IUnknownVtbl, Advise, Advise } }

#[repr(C)]
struct AnotherBase {
    base: IUnknownVtbl,
    Advise: Method,
}
mapisync::vtable_layout! { AnotherBase { base: IMAPISyncVtbl, Advise } }

#[repr(C)]
struct Unproven {
    base: IUnknownVtbl,
}
#[repr(C)]
struct UnprovenBase {
    base: Unproven,
    Advise: Method,
}
mapisync::vtable_layout! { UnprovenBase { base: Unproven, Advise } }

fn main() {}
