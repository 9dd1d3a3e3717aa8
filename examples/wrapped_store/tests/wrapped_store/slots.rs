//! Every slot of the wrapped store and of the wrapped support object, called once with distinct
//! values, which must arrive in the same slot of the inner object.

#![allow(non_snake_case)] // the documented names of the methods

use crate::stand_in::host::Section;
use crate::stand_in::memory::memory;
use mapisync::abi::IUnknown;
use mapisync::testing::reference_count;
use mapisync::{
    Class, ComObject, ComPtr, ExclusiveRun, GUID, HRESULT, ImplementedBy, Interface, Thunk,
};
use std::mem::offset_of;
use std::ptr;
use std::sync::Mutex;
use wrapped_store32::mapi::*;
use wrapped_store32::settings::Settings;
use wrapped_store32::wrapped::{NST_SECTION, Store, Support};

/// A call: the offset of its slot in the vtable, and its arguments as numbers.
type Call = (usize, Vec<usize>);

/// The inner object, which records the calls of all its methods.
#[derive(Default)]
struct Inner(Mutex<Vec<Call>>);

impl Class for Inner {
    type Interfaces = (InnerStore, InnerSupport, IExtra);
}

mapisync::com_interface! {
    // SAFETY: an interface of these tests only. Its objects are this crate's, so free-threaded.
    unsafe interface IExtra: IUnknown("6B1F3C8E-9D53-4F0B-8E2A-51D7C0A90021") {
        vtable IExtraVtbl;
        trait Extra;
        calls IExtraCalls;
        free_threaded;
        fn Value() -> u32 = 7;
    }
}

impl Extra for Inner {}

/// Returns the success code of the slot at an offset.
fn code(offset: usize) -> HRESULT {
    HRESULT(0x0004_0000 + offset as i32)
}

/// A type of arguments. No pointer is dereferenced.
trait Argument: Copy {
    fn of(number: usize) -> Self;
    fn number(self) -> usize;
}

macro_rules! arguments {
    ($($type:ty $([$generic:ident])?: $number:ident => $of:expr, $argument:ident => $back:expr;)*) => {$(
        impl $(<$generic>)? Argument for $type {
            fn of($number: usize) -> Self {
                $of
            }
            fn number(self) -> usize {
                let $argument = self;
                $back
            }
        }
    )*};
}

arguments! {
    u32: number => number as u32, argument => argument as usize;
    usize: number => number, argument => argument;
    HRESULT: number => HRESULT(number as i32), argument => argument.0 as usize;
    *mut T [T]: number => ptr::without_provenance_mut(number), argument => argument.addr();
    *const T [T]: number => ptr::without_provenance(number), argument => argument.addr();
}

/// The function in the slot at `OFFSET` of a vtable of the interface `I`, which is `Inner`'s
/// interface `INDEX`.
trait Slot<I, const INDEX: usize, const OFFSET: usize>: Copy {
    /// The function that records a call in an `Inner`.
    const RECORD: Self;

    /// Calls the function of any object with the numbers from `first` on. Returns its result, and
    /// the call.
    ///
    /// # Safety
    ///
    /// `this` must point to a live object with this slot, which dereferences no argument.
    unsafe fn call(self, this: *mut I, first: usize) -> (HRESULT, Call);
}

/// Implements it for functions with these arguments, and with fewer.
macro_rules! functions {
    () => {};
    ($first:ident $First:ident $($other:ident $Other:ident)*) => {
        impl<I, const INDEX: usize, const OFFSET: usize, $First: Argument, $($Other: Argument),*>
            Slot<I, INDEX, OFFSET>
            for unsafe extern "system" fn(*mut I, $First, $($Other),*) -> HRESULT
        {
            const RECORD: Self = {
                unsafe extern "system" fn record<
                    I, const INDEX: usize, const OFFSET: usize, $First: Argument,
                    $($Other: Argument),*
                >(this: *mut I, $first: $First, $($other: $Other),*) -> HRESULT {
                    // SAFETY: `this` comes from the vtable of this index, so it points to interface
                    // INDEX of an `Inner`. COM requires the caller to hold a reference.
                    let inner = unsafe { Thunk::<Inner, INDEX>::payload(this) };
                    let numbers = vec![$first.number(), $($other.number()),*];
                    inner.0.lock().unwrap().push((OFFSET, numbers));
                    code(OFFSET)
                }
                record::<I, INDEX, OFFSET, $First, $($Other),*>
            };

            unsafe fn call(self, this: *mut I, first: usize) -> (HRESULT, Call) {
                let mut numbers = first..;
                let mut next = || numbers.next().unwrap();
                let ($first, $($other),*) = ($First::of(next()), $($Other::of(next())),*);
                // SAFETY: the object is alive and dereferences no argument, by this function's
                // contract.
                let result = unsafe { self(this, $first, $($other),*) };
                (result, (OFFSET, vec![$first.number(), $($other.number()),*]))
            }
        }

        functions! { $($other $Other)* }
    };
}

functions! { a A b B c C d D e E f F g G h H i J k K l L }

/// The vtables of `Inner`'s interface `INDEX`.
struct Recording<const INDEX: usize>;

/// Makes a vtable that records, and a function that calls every slot except one. The list is
/// complete, because the vtable has no other fields.
macro_rules! slots {
    (
        $vtable:ident of $interface:ident:
        $records:ident ($base:expr), $call_all:ident, $($method:ident)*
    ) => {
        impl<const INDEX: usize> Recording<INDEX> {
            const $records: $vtable = $vtable {
                base: $base,
                $($method: <_ as Slot<_, INDEX, { offset_of!($vtable, $method) }>>::RECORD),*
            };
        }

        /// Calls all methods, except for the one that looks at its arguments.
        fn $call_all(object: &ComPtr<$interface>, except: &str, calls: &mut Vec<Call>) {
            let this = object.as_raw();
            // SAFETY: the pointer owns a reference, so the object is alive.
            let vtable = unsafe { &*(*this).lpVtbl };
            $(if stringify!($method) != except {
                const OFFSET: usize = offset_of!($vtable, $method);
                let first = 0x100 * (1 + calls.len());
                // SAFETY: the object is alive and has this vtable. It passes the arguments on to an
                // `Inner`, which only records them.
                let (result, call) = unsafe { Slot::<_, 0, OFFSET>::call(vtable.$method, this, first) };
                assert_eq!(result, code(OFFSET), "{}", stringify!($method));
                calls.push(call);
            })*
        }
    };
}

slots! { IMAPIPropVtbl of IMAPIProp: PROP (Thunk::<Inner, INDEX>::UNKNOWN), call_prop,
    GetLastError SaveChanges GetProps GetPropList OpenProperty SetProps DeleteProps CopyTo CopyProps
    GetNamesFromIDs GetIDsFromNames
}

slots! { IMsgStoreVtbl of IMsgStore: STORE (Self::PROP), call_store,
    Advise Unadvise CompareEntryIDs OpenEntry SetReceiveFolder GetReceiveFolder
    GetReceiveFolderTable StoreLogoff AbortSubmit GetOutgoingQueue SetLockState FinishedMsg
    NotifyNewMail
}

slots! { IMAPISupportVtbl of IMAPISupport: SUPPORT (Thunk::<Inner, INDEX>::UNKNOWN), call_support,
    GetLastError GetMemAllocRoutines Subscribe Unsubscribe Notify ModifyStatusRow OpenProfileSection
    RegisterPreprocessor NewUID MakeInvalid SpoolerYield SpoolerNotify CreateOneOff SetProviderUID
    CompareEntryIDs OpenTemplateID OpenEntry GetOneOffTable Address Details NewEntry
    DoConfigPropsheet CopyMessages CopyFolder DoCopyTo DoCopyProps DoProgressDialog ReadReceipt
    PrepareSubmit ExpandRecips UpdatePAB DoSentMail OpenAddressBook Preprocess CompleteMsg
    StoreLogoffTransports StatusRecips WrapStoreEntryID ModifyProfile IStorageFromStream
    GetSvcConfigSupportObj
}

/// Declares an interface of `Inner` with the identity of MAPI's and a vtable that records.
macro_rules! inner_interface {
    ($name:ident, $interface:ident, $vtable:ident, $records:ident) => {
        #[repr(C)]
        struct $name {
            vtbl: *const $vtable,
        }
        // SAFETY: `Interface` requires one pointer to a vtable that begins with the base's slots,
        // and the IID of that vtable. Both are those of MAPI's interface.
        unsafe impl Interface for $name {
            type Vtbl = $vtable;
            type Base = IUnknown;
            const IID: GUID = $interface::IID;
        }
        // SAFETY: the vtable begins with `Thunk`'s slots for this index. The others only record in
        // the payload of this index, and do not panic.
        unsafe impl<const INDEX: usize> ImplementedBy<Inner, INDEX> for $name {
            const VTABLE: &'static $vtable = &Recording::<INDEX>::$records;
        }
    };
}

inner_interface!(InnerStore, IMsgStore, IMsgStoreVtbl, STORE);
inner_interface!(InnerSupport, IMAPISupport, IMAPISupportVtbl, SUPPORT);

fn wrapped_store(inner: &ComObject<Inner>) -> ComPtr<IMsgStore> {
    let settings = Settings { inner: "inner.dll".into(), maildir: None, state: None };
    let inner = inner.cast().unwrap();
    let store = Store::new(inner, memory(), settings, ExclusiveRun::default());
    ComObject::new(store).cast().unwrap()
}

#[test]
fn every_slot_of_the_store_arrives_at_the_inner_store() {
    let inner = ComObject::new(Inner::default());
    let store = wrapped_store(&inner);
    let mut calls = Vec::new();
    call_prop(&store.cast().unwrap(), "", &mut calls);
    call_store(&store, "StoreLogoff", &mut calls);
    // This method looks at the flags, if there are any.
    let (offset, mut flags) = (offset_of!(IMsgStoreVtbl, StoreLogoff), 0x0001_2300);
    for flags in [&raw mut flags, ptr::null_mut()] {
        // SAFETY: the location is valid or NULL.
        assert_eq!(unsafe { store.StoreLogoff(flags) }, code(offset));
        calls.push((offset, vec![flags.addr()]));
    }
    assert_eq!(calls.len(), 11 + 13 + 1);
    assert_eq!(*inner.0.lock().unwrap(), calls);
}

#[test]
fn every_slot_of_the_support_object_arrives_at_mapis() {
    let inner = ComObject::new(Inner::default());
    let section = Section::create(Vec::new());
    let support = Support::new(inner.cast().unwrap(), section.clone());
    let support: ComPtr<IMAPISupport> = ComObject::new(support).cast().unwrap();
    let mut calls = Vec::new();
    call_support(&support, "OpenProfileSection", &mut calls);
    // This method looks at the identifier and at the out parameter, if there are any. One section
    // is the provider's own.
    let offset = offset_of!(IMAPISupportVtbl, OpenProfileSection);
    let (mut other, mut own) = (MAPIUID { ab: [7; 16] }, NST_SECTION);
    let mut opened = ptr::null_mut();
    for (uid, out) in [
        (&raw mut other, &raw mut opened),
        (ptr::null_mut(), &raw mut opened),
        (&raw mut own, ptr::null_mut()),
    ] {
        // SAFETY: the arguments are valid or NULL.
        let result = unsafe { support.OpenProfileSection(uid, 5, out) };
        assert_eq!(result, code(offset));
        calls.push((offset, vec![uid.addr(), 5, out.addr()]));
    }
    assert_eq!(calls.len(), 41 + 2);
    // SAFETY: all arguments are valid.
    let result = unsafe { support.OpenProfileSection(&mut own, 5, &mut opened) };
    assert_eq!(result, HRESULT::S_OK);
    // SAFETY: the call has succeeded, so the pointer owns a reference.
    let opened = unsafe { ComPtr::from_raw(opened) }.unwrap();
    assert!(opened.is_same_object(&section));
    assert_eq!(reference_count(&section), 3);
    assert_eq!(*inner.0.lock().unwrap(), calls, "MAPI is not called");
}

#[test]
fn other_interfaces_are_those_of_the_inner_object() {
    let object = ComObject::new(Inner::default());
    let inner: ComPtr<IUnknown> = object.cast().unwrap();
    let support = Support::new(object.cast().unwrap(), Section::create(Vec::new()));
    let sync = mapisync::abi::IMAPISync::IID;
    let wrappers: [(ComPtr<IUnknown>, &[GUID]); 2] = [
        (wrapped_store(&object).cast().unwrap(), &[IMAPIProp::IID, IMsgStore::IID, sync]),
        (ComObject::new(support).cast().unwrap(), &[IMAPISupport::IID]),
    ];
    for (wrapper, own) in wrappers {
        for iid in own {
            let here = wrapper.query_interface(iid).unwrap();
            for other in own {
                let there = here.query_interface(other).unwrap();
                assert!(there.is_same_object(&wrapper), "{iid} {other}");
            }
        }
        let extra: ComPtr<IExtra> = wrapper.cast().unwrap();
        assert_eq!(extra.Value(), 7);
        // The documented consequence: this pointer leads to the inner object and not back.
        assert!(extra.is_same_object(&inner) && !extra.is_same_object(&wrapper));
        let unknown_everywhere = wrapper.cast::<IMAPIFolder>().unwrap_err();
        assert_eq!(unknown_everywhere.hresult(), HRESULT::E_NOINTERFACE);
    }
    drop(object);
    assert_eq!(reference_count(&inner), 1);
}
