//! Two classes that differ only in a lifetime may have different interfaces. An object of one class
//! must not become an object of the other.

use mapisync::abi::{IMAPISync, IUnknown};
use mapisync::{Class, ComObject, ComPtr, GUID, Interface};

struct Payload<F>(u64, F);

type General = for<'a> fn(&'a ());
type Special = fn(&'static ());

impl Class for Payload<General> {
    type Interfaces = (IUnknown,);
}

impl Class for Payload<Special> {
    type Interfaces = (IUnknown, IUnknown, IUnknown, IUnknown, IUnknown, IUnknown);
}

fn other_layout(object: ComObject<Payload<General>>) -> ComObject<Payload<Special>> {
    object
}

#[repr(transparent)]
struct IOwn<F>(IMAPISync, std::marker::PhantomData<F>);

unsafe impl Interface for IOwn<General> {
    type Vtbl = mapisync::abi::IMAPISyncVtbl;
    type Base = IUnknown;
    const IID: GUID = GUID::from_u128(1);
}

unsafe impl Interface for IOwn<Special> {
    type Vtbl = mapisync::abi::IMAPISyncVtbl;
    type Base = IUnknown;
    const IID: GUID = GUID::from_u128(2);
}

fn other_interface(pointer: ComPtr<IOwn<General>>) -> ComPtr<IOwn<Special>> {
    pointer
}

fn main() {
    let _ = (other_layout, other_interface, Payload(0, ()).0, Payload(0, ()).1);
}
