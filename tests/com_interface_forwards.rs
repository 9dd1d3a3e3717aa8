//! `forwards` of `com_interface!`: a wrapper that implements some methods and passes the others on.

use mapisync::abi::IUnknown;
use mapisync::testing::reference_count;
use mapisync::{Class, ComObject, ComPtr, Extends, HRESULT, Result, com_interface};
use std::sync::Mutex;
use test_support::DropCounter;

com_interface! {
    /// Methods with every kind of result.
    // SAFETY: an interface of these tests only. Its objects are this crate's, so free-threaded.
    pub unsafe interface IBase: IUnknown("6B1F3C8E-9D53-4F0B-8E2A-51D7C0A90011") {
        vtable IBaseVtbl;
        trait Base;
        calls IBaseCalls;
        free_threaded;
        forwards inner_base;
        fn Code(code: HRESULT) -> HRESULT;
        unsafe fn Write(value: u32, out: *mut u32) -> HRESULT;
        fn Number(number: u32) -> u32 = u32::MAX;
        fn Nothing(number: u32);
    }

    // SAFETY: an interface of these tests only. Its objects are this crate's, so free-threaded.
    pub unsafe interface IDerived: IBase("6B1F3C8E-9D53-4F0B-8E2A-51D7C0A90012") {
        vtable IDerivedVtbl;
        trait Derived: Base;
        calls IDerivedCalls;
        free_threaded;
        forwards inner_derived;
        fn Last(number: u32) -> HRESULT;
    }
}

/// Records its calls.
struct Inner {
    calls: Mutex<Vec<String>>,
    _token: test_support::DropToken,
}

impl Inner {
    fn record(&self, call: String) {
        self.calls.lock().unwrap().push(call);
    }
}

impl Class for Inner {
    type Interfaces = (IDerived,);
}

impl Base for Inner {
    fn Code(&self, code: HRESULT) -> Result<HRESULT> {
        self.record(format!("Code {code}"));
        Ok(code)
    }
    unsafe fn Write(&self, value: u32, out: *mut u32) -> Result<HRESULT> {
        self.record(format!("Write {value}"));
        // SAFETY: `out` is valid, by the contract of the method.
        unsafe { *out = value + 1 };
        Ok(HRESULT::S_FALSE)
    }
    fn Number(&self, number: u32) -> u32 {
        self.record(format!("Number {number}"));
        number + 1
    }
    fn Nothing(&self, number: u32) {
        self.record(format!("Nothing {number}"));
    }
}

impl Derived for Inner {
    fn Last(&self, number: u32) -> Result<HRESULT> {
        self.record(format!("Last {number}"));
        Err(HRESULT::MAPI_E_BUSY.into())
    }
}

/// It forwards everything except `Number`, to an object that it may have.
struct Wrapper(Option<ComPtr<IDerived>>);

impl Class for Wrapper {
    type Interfaces = (IDerived,);
}

impl Base for Wrapper {
    fn inner_base(&self) -> Option<&ComPtr<impl Extends<IBase>>> {
        self.0.as_ref()
    }
    fn Number(&self, number: u32) -> u32 {
        10 * number
    }
}

impl Derived for Wrapper {
    fn inner_derived(&self) -> Option<&ComPtr<impl Extends<IDerived>>> {
        self.0.as_ref()
    }
}

#[test]
fn a_method_that_is_left_out_is_forwarded_with_its_arguments_and_its_result() {
    let counter = DropCounter::default();
    let inner = ComObject::new(Inner {
        calls: Mutex::default(),
        _token: counter.token(),
    });
    let wrapper: ComPtr<IDerived> = ComObject::new(Wrapper(Some(inner.cast().unwrap())))
        .cast()
        .unwrap();
    let mut out = 0;
    // A warning and a failure arrive as they are.
    assert_eq!(wrapper.Code(HRESULT::S_FALSE), HRESULT::S_FALSE);
    assert_eq!(wrapper.Code(HRESULT::E_ABORT), HRESULT::E_ABORT);
    // SAFETY: `out` is valid for a write.
    assert_eq!(unsafe { wrapper.Write(5, &mut out) }, HRESULT::S_FALSE);
    assert_eq!(out, 6);
    wrapper.Nothing(7);
    assert_eq!(wrapper.Number(8), 80, "this one is the wrapper's own");
    assert_eq!(wrapper.Last(9), HRESULT::MAPI_E_BUSY);
    assert_eq!(
        *inner.calls.lock().unwrap(),
        [
            "Code S_FALSE (0x00000001)",
            "Code E_ABORT (0x80004004)",
            "Write 5",
            "Nothing 7",
            "Last 9",
        ]
    );
    let base: ComPtr<IBase> = inner.cast().unwrap();
    assert_eq!(
        reference_count(&base),
        3,
        "`inner`, `base` and the wrapper's"
    );
    drop((base, inner));
    assert_eq!(counter.drops(), 0);
    drop(wrapper);
    assert_eq!(counter.drops(), 1);
}

#[test]
fn without_an_object_to_forward_to_the_defaults_remain() {
    let wrapper: ComPtr<IDerived> = ComObject::new(Wrapper(None)).cast().unwrap();
    assert_eq!(wrapper.Code(HRESULT::S_OK), HRESULT::MAPI_E_NO_SUPPORT);
    assert_eq!(wrapper.Last(1), HRESULT::MAPI_E_NO_SUPPORT);
    wrapper.Nothing(1);
    assert_eq!(wrapper.Number(2), 20);
}
