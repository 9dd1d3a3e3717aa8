//! `com_interface!`: users' own interfaces, implemented, called and forwarded, alone and in a chain,
//! and compared with the crate's hand-laid ones.

use crate::rules::assert_rules;
use mapisync::abi::layout::Described;
use mapisync::abi::{self, IUnknown, MAPISIB};
use mapisync::testing::{Call, reference_count};
use mapisync::{
    Class, ComObject, ComPtr, ComRef, Extends, GUID, HRESULT, Interface, MapiSync, PlainArgument,
    Result, SyncRequest, com_interface,
};
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use test_support::outer::{IOuter, aggregate};
use test_support::{DropCounter, outlook, store};

/// A type of the user's own that safe code may pass.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step(u16);

// SAFETY: it is an integer, whose values are only numbers.
unsafe impl PlainArgument for Step {}

com_interface! {
    /// Methods with every kind of result.
    // SAFETY: an interface of these tests only. Its plain methods use no memory of the caller.
    pub unsafe interface ICounter: IUnknown("6B1F3C8E-9D53-4F0B-8E2A-51D7C0A90001") {
        vtable ICounterVtbl;
        trait Counter;
        calls ICounterCalls;
        forwards inner_counter;
        fn Increase(by: u32) -> HRESULT;
        unsafe fn Total(total: *mut u32) -> HRESULT;
        fn Digits(base: u8, code: HRESULT, id: GUID, step: Step) -> u32 = u32::MAX;
        fn Reset();
        unsafe fn Owner(owner: *mut c_void) -> *mut c_void = ptr::null_mut();
    }

    /// The middle of a chain. Only this interface is free-threaded.
    // SAFETY: an interface of these tests only. Its objects are this crate's, so free-threaded.
    pub(crate) unsafe interface IStepCounter: ICounter("{6b1f3c8e-9d53-4f0b-8e2a-51d7c0a90002}") {
        vtable IStepCounterVtbl;
        trait StepCounter: Counter;
        calls IStepCounterCalls;
        free_threaded;
        forwards inner_step;
        fn Step(by: u32) -> HRESULT;
    }

    // SAFETY: an interface of these tests only. It has no slots of its own, as `IProfSect` has none.
    pub(crate) unsafe interface INamedCounter: IStepCounter("6B1F3C8E-9D53-4F0B-8E2A-51D7C0A90003") {
        vtable INamedCounterVtbl;
        trait NamedCounter: StepCounter;
        calls INamedCounterCalls;
    }

    /// It extends a hand-laid interface.
    // SAFETY: an interface of these tests only. Its base is `IMAPISync`, by the path of a module.
    unsafe interface INamedSync: abi::IMAPISync("6B1F3C8E-9D53-4F0B-8E2A-51D7C0A90004") {
        vtable INamedSyncVtbl;
        trait NamedSync;
        calls INamedSyncCalls;
        fn Number() -> i64 = -1;
    }
}

/// The interface that the crate lays out by hand, once more.
mod by_macro {
    use mapisync::abi::{IUnknown, MAPISIB};
    use mapisync::{HRESULT, com_interface};

    com_interface! {
        // SAFETY: order, signature and IID are those of the documentation, and MAPI is free-threaded.
        pub unsafe interface IMAPISync: IUnknown("5024A385-2D44-486A-81A8-8F0ECB6071DD") {
            vtable IMAPISyncVtbl;
            trait Synchronize;
            calls IMAPISyncCalls;
            free_threaded;
            unsafe fn SynchronizeInBackground(psibpb: *mut MAPISIB) -> HRESULT;
        }
    }
}

use by_macro::{IMAPISyncCalls, Synchronize};

/// A payload whose methods depend on their arguments. A thunk of another index would find another
/// total.
struct Script {
    total: AtomicU32,
}

fn script() -> Script {
    Script { total: AtomicU32::new(42) }
}

impl Class for Script {
    type Interfaces = (IUnknown, INamedCounter, INamedSync);
}

impl MapiSync for Script {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        request.spawn(|job| job.position(1, 2))
    }
}

impl Counter for Script {
    fn Increase(&self, by: u32) -> Result<HRESULT> {
        match by {
            0 => Ok(HRESULT::S_OK),
            1 => Ok(HRESULT::MAPI_W_PARTIAL_COMPLETION),
            2 => Err(HRESULT::MAPI_E_BUSY.into()),
            _ => panic!("Increase({by})"),
        }
    }

    unsafe fn Total(&self, total: *mut u32) -> Result<HRESULT> {
        // SAFETY: the caller passes a pointer that is valid for a write.
        unsafe { total.write(self.total.load(SeqCst)) };
        Ok(HRESULT::S_FALSE)
    }

    fn Digits(&self, base: u8, code: HRESULT, id: GUID, step: Step) -> u32 {
        assert_eq!((base, step), (10, Step(7)), "Digits");
        code.to_bits() ^ id.Data1
    }

    fn Reset(&self) {
        self.total.store(0, SeqCst);
        panic!("Reset()");
    }

    unsafe fn Owner(&self, owner: *mut c_void) -> *mut c_void {
        assert!(!owner.is_null(), "Owner(NULL)");
        owner
    }
}

impl StepCounter for Script {
    fn Step(&self, by: u32) -> Result<HRESULT> {
        Ok(HRESULT((self.total.load(SeqCst) + by) as i32))
    }
}

impl NamedCounter for Script {}

impl NamedSync for Script {
    fn Number(&self) -> i64 {
        i64::from(self.total.load(SeqCst)) << 32
    }
}

/// A payload that implements one method, and forwards the others to an object that it may have.
struct Wrapper(Option<ComPtr<IStepCounter>>);

impl Class for Wrapper {
    type Interfaces = (IStepCounter, by_macro::IMAPISync, INamedSync);
}

impl Counter for Wrapper {
    fn inner_counter(&self) -> Option<&ComPtr<impl Extends<ICounter>>> {
        self.0.as_ref()
    }
    fn Digits(&self, base: u8, _: HRESULT, _: GUID, _: Step) -> u32 {
        base.into()
    }
}

impl StepCounter for Wrapper {
    fn inner_step(&self) -> Option<&ComPtr<impl Extends<IStepCounter>>> {
        self.0.as_ref()
    }
}

impl Synchronize for Wrapper {}

impl MapiSync for Wrapper {
    fn synchronize_in_background(&self, _: SyncRequest<'_>) -> Result<()> {
        Ok(())
    }
}

impl NamedSync for Wrapper {}

fn object<I: Interface>(payload: impl Class) -> ComPtr<I> {
    ComObject::new(payload).cast().unwrap()
}

/// Calls `Total`.
fn total(counter: &ComPtr<impl Extends<ICounter>>) -> (HRESULT, u32) {
    let mut total = 7;
    // SAFETY: `total` is valid for a write.
    (unsafe { counter.Total(&mut total) }, total)
}

/// Asserts that the methods are the script's. In the end the total is 0.
fn assert_script(counter: &ComPtr<impl Extends<IStepCounter> + Extends<ICounter>>) {
    for (by, code) in [
        (0, HRESULT::S_OK),
        (1, HRESULT::MAPI_W_PARTIAL_COMPLETION),
        (2, HRESULT::MAPI_E_BUSY),
        (3, HRESULT::E_UNEXPECTED),
    ] {
        assert_eq!(counter.Increase(by), code, "{by}");
    }
    assert_eq!(counter.Step(5), HRESULT(47));
    assert_eq!(total(counter), (HRESULT::S_FALSE, 42));
    let mut owner = 0_u32;
    let owner = (&raw mut owner).cast::<c_void>();
    // SAFETY: the method does not access the memory.
    unsafe {
        assert_eq!(counter.Owner(owner), owner);
        assert!(counter.Owner(ptr::null_mut()).is_null(), "after a panic");
    }
    counter.Reset(); // panics in the method
    assert_eq!(total(counter), (HRESULT::S_FALSE, 0));
}

#[test]
fn the_result_of_a_method_is_returned_and_after_a_panic_the_declared_value() {
    let counter = object::<IStepCounter>(script());
    let (code, id) = (HRESULT::from_bits(0x80000001), GUID::from_u128(3 << 96));
    assert_eq!(counter.Digits(10, code, id, Step(7)), 0x80000002);
    assert_eq!(counter.Digits(2, code, id, Step(7)), u32::MAX);
    assert_script(&counter);
}

#[test]
fn a_method_that_is_left_out_is_forwarded_with_its_arguments_and_its_result() {
    let inner = object::<IStepCounter>(script());
    let wrapper = object::<IStepCounter>(Wrapper(Some(inner.clone())));
    let digits = wrapper.Digits(9, HRESULT::S_OK, GUID::default(), Step(7));
    assert_eq!(digits, 9, "this one is the wrapper's own");
    assert_script(&wrapper);
    assert_eq!(reference_count(&inner), 2);
    drop(wrapper);
    assert_eq!(reference_count(&inner), 1);
}

#[test]
fn a_method_without_an_object_to_forward_to_returns_no_support_or_the_declared_value() {
    let counter = object::<IStepCounter>(Wrapper(None));
    assert_eq!(counter.Increase(0), HRESULT::MAPI_E_NO_SUPPORT);
    assert_eq!(counter.Step(0), HRESULT::MAPI_E_NO_SUPPORT);
    counter.Reset();
    assert_eq!(total(&counter), (HRESULT::MAPI_E_NO_SUPPORT, 7));
    assert_eq!(counter.cast::<INamedSync>().unwrap().Number(), -1);
    let sync = counter.cast::<by_macro::IMAPISync>().unwrap();
    // SAFETY: NULL is not accessed.
    unsafe {
        assert!(counter.Owner(ptr::null_mut()).is_null());
        let code = sync.SynchronizeInBackground(ptr::null_mut());
        assert_eq!(code, HRESULT::MAPI_E_NO_SUPPORT);
    }
}

const ALL: [GUID; 6] = [
    IUnknown::IID,
    ICounter::IID,
    IStepCounter::IID,
    INamedCounter::IID,
    INamedSync::IID,
    abi::IMAPISync::IID,
];

#[test]
fn methods_of_every_base_are_reachable_from_a_pointer_to_the_derived_interface() {
    let named = object::<INamedCounter>(script());
    assert_rules(&named, &ALL);
    let borrowed = ComRef::from(&named);
    assert_eq!(named.Increase(1), HRESULT::MAPI_W_PARTIAL_COMPLETION);
    assert_eq!(borrowed.Increase(2), HRESULT::MAPI_E_BUSY);
    assert_eq!(borrowed.Step(5), HRESULT(47));
    assert_eq!(reference_count(&named), 1);

    // QueryInterface returns the one pointer for the interface and its bases.
    let step = named.cast::<IStepCounter>().unwrap();
    let counter = named.cast::<ICounter>().unwrap();
    assert_eq!(step.as_raw().cast::<c_void>(), named.as_raw().cast());
    assert_eq!(counter.as_raw().cast::<c_void>(), named.as_raw().cast());

    // The other interfaces of the object are its own.
    assert_eq!(counter.cast::<INamedSync>().unwrap().Number(), 42 << 32);
}

#[test]
fn an_interface_may_extend_a_hand_laid_one() {
    let number = INamedSyncVtbl::LAYOUT.field("Number").unwrap();
    assert_eq!(number.slot, Some(4));
    let outcome = outlook().run(&object::<abi::IMAPISync>(script()));
    let calls = [Call::position(1, 2), Call::done(HRESULT::S_OK)];
    assert_eq!(outcome.assert_ok().assert_no_leaks().calls(), calls);
}

#[test]
fn an_aggregate_has_the_methods_and_the_identity_of_its_outer() {
    let drops = DropCounter::default();
    let outer = aggregate(&drops, script());
    assert_rules(&outer, &[&ALL[..], &[IOuter::IID]].concat());
    assert_eq!(outer.cast::<INamedSync>().unwrap().Number(), 42 << 32);
    assert_script(&outer.cast::<IStepCounter>().unwrap());
    drop(outer);
    assert_eq!(drops.drops(), 1);
}

#[test]
fn the_slots_are_in_the_order_of_the_declaration() {
    let table = INamedCounterVtbl::LAYOUT;
    let names: Vec<_> = table.fields.iter().map(|slot| slot.name).collect();
    let documented = "QueryInterface AddRef Release Increase Total Digits Reset Owner Step";
    assert_eq!(names.join(" "), documented);
    assert_eq!(table.size, IStepCounterVtbl::LAYOUT.size);
    let named = "6B1F3C8E-9D53-4F0B-8E2A-51D7C0A90003";
    assert_eq!(INamedCounter::IID.to_string(), named);
    let step = "6B1F3C8E-9D53-4F0B-8E2A-51D7C0A90002";
    assert_eq!(IStepCounter::IID.to_string(), step, "declared in lower case");
}

/// A store that forwards its calls to another store. The macro's thunk receives them, and the
/// macro's call passes them on.
struct Forwarder(ComPtr<by_macro::IMAPISync>);

impl Class for Forwarder {
    type Interfaces = (by_macro::IMAPISync,);
}

impl Synchronize for Forwarder {
    unsafe fn SynchronizeInBackground(&self, psibpb: *mut MAPISIB) -> Result<HRESULT> {
        // SAFETY: the caller passes a valid structure.
        Ok(unsafe { self.0.SynchronizeInBackground(psibpb) })
    }
}

#[test]
fn the_macro_and_the_hand_laid_imapisync_agree() {
    assert_eq!(by_macro::IMAPISync::LAYOUT, abi::IMAPISync::LAYOUT);
    assert_eq!(by_macro::IMAPISyncVtbl::LAYOUT, abi::IMAPISyncVtbl::LAYOUT);
    assert_eq!(by_macro::IMAPISync::IID, abi::IMAPISync::IID);

    // Outlook's stand-in calls the macro's object through the crate's vtable. The object calls the
    // crate's object through the macro's vtable.
    let ours = store(|request| request.spawn(|job| job.progress(Some("Inbox"), 0, 1)));
    let forwarder = object::<by_macro::IMAPISync>(Forwarder(ours.cast().unwrap()));
    let outcome = outlook().run(&forwarder.cast::<abi::IMAPISync>().unwrap());
    let calls = [Call::progress("Inbox", 0, 1), Call::done(HRESULT::S_OK)];
    assert_eq!(outcome.assert_ok().assert_no_leaks().calls(), calls);
    // SAFETY: NULL is allowed, and returns an error.
    let code = unsafe { forwarder.SynchronizeInBackground(ptr::null_mut()) };
    assert_eq!(code, HRESULT::E_POINTER);
}

#[test]
fn unsafe_methods_are_unsafe_in_the_trait_and_in_the_calls_and_no_others() {
    let _: fn(&Script, u32) -> Result<HRESULT> = Counter::Increase;
    let _: unsafe fn(&Script, *mut u32) -> Result<HRESULT> = Counter::Total;
    let _: fn(&Script) = Counter::Reset;
    let _: fn(&ComPtr<ICounter>, u32) -> HRESULT = ICounterCalls::Increase;
    let _: unsafe fn(&ComPtr<INamedCounter>, *mut u32) -> HRESULT = ICounterCalls::Total;
    let _: fn(&ComPtr<ICounter>) = ICounterCalls::Reset;
}
