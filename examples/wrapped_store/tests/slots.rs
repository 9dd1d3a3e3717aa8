//! Every slot of the wrapped store and of the wrapped support object, called once with distinct
//! values, which must arrive at the inner object.
//!
//! `StoreLogoff` and `OpenProfileSection` look at what their arguments point to, so these tests pass
//! real pointers there.

#![allow(non_snake_case)] // the documented names of the methods and arguments

mod stand_in;

use mapisync::abi::IUnknown;
use mapisync::abi::layout::Described;
use mapisync::testing::reference_count;
use mapisync::{Class, ComObject, ComPtr, ExclusiveRun, GUID, HRESULT, Interface, Result};
use stand_in::memory::memory;
use std::ptr;
use std::sync::Mutex;
use wrapped_store32::mapi::*;
use wrapped_store32::settings::Settings;
use wrapped_store32::wrapped::{NST_SECTION, Store, Support};

/// A call: the method, and its arguments as numbers.
type Call = (&'static str, Vec<usize>);

/// An object that records the calls of all its methods.
#[derive(Default)]
struct Recorded(Mutex<Vec<Call>>);

impl Class for Recorded {
    type Interfaces = (IMsgStore, IMAPISupport, IExtra);
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

impl Extra for Recorded {}

/// Returns the success code of the call of this number.
fn code(number: usize) -> HRESULT {
    HRESULT(0x0004_0000 + number as i32)
}

impl Recorded {
    fn record(&self, call: Call) -> Result<HRESULT> {
        let mut calls = self.0.lock().unwrap();
        calls.push(call);
        Ok(code(calls.len()))
    }
}

/// A type of arguments. No pointer is dereferenced.
trait Argument: Copy {
    fn of(number: usize) -> Self;
    fn number(self) -> usize;
}

macro_rules! integers {
    ($($type:ty)*) => {$(
        impl Argument for $type {
            fn of(number: usize) -> $type {
                number as $type
            }
            fn number(self) -> usize {
                self as usize
            }
        }
    )*};
}

integers! { u32 usize }

impl Argument for HRESULT {
    fn of(number: usize) -> HRESULT {
        HRESULT(number as i32)
    }
    fn number(self) -> usize {
        self.0 as usize
    }
}

impl<T> Argument for *mut T {
    fn of(number: usize) -> *mut T {
        ptr::without_provenance_mut(number)
    }
    fn number(self) -> usize {
        self.addr()
    }
}

impl<T> Argument for *const T {
    fn of(number: usize) -> *const T {
        ptr::without_provenance(number)
    }
    fn number(self) -> usize {
        self.addr()
    }
}

macro_rules! slots {
    ($trait:ident, $calls:ident, $interface:ident, $call_all:ident {
        $($(unsafe $(@ $unsafe:tt)?)? fn $method:ident($($argument:ident: $type:ty),*);)*
    }) => {
        impl $trait for Recorded {
            $($(unsafe $($unsafe)?)? fn $method(&self $(, $argument: $type)*) -> Result<HRESULT> {
                self.record((stringify!($method), vec![$($argument.number()),*]))
            })*
        }

        /// Calls all methods, except for those of `special`. Returns the calls.
        fn $call_all(object: &ComPtr<$interface>, special: &[&str], made: &mut Vec<Call>) {
            let mut next = 0x100 * (1 + made.len());
            // The interface has no method that is not in the list.
            let listed: &[&str] = &[$(stringify!($method)),*];
            let slots = <$interface as Interface>::Vtbl::LAYOUT.fields;
            let own: Vec<_> = slots[slots.len() - listed.len()..].iter().map(|slot| slot.name).collect();
            assert_eq!(own, listed);
            $(if !special.contains(&stringify!($method)) {
                $(next += 1; let $argument = <$type>::of(next);)*
                made.push((stringify!($method), vec![$($argument.number()),*]));
                // SAFETY: the inner object only compares the arguments.
                #[allow(unused_unsafe)]
                let result = unsafe { $calls::$method(object $(, $argument)*) };
                assert_eq!(result, code(made.len()), "{}", stringify!($method));
            })*
            let _ = next;
        }
    };
}

slots! {
    MapiProp, IMAPIPropCalls, IMAPIProp, call_mapiprop {
        unsafe fn GetLastError(hResult: HRESULT, ulFlags: u32, lppMAPIError: *mut *mut MAPIERROR);
        fn SaveChanges(ulFlags: u32);
        unsafe fn GetProps(
            lpPropTagArray: *mut SPropTagArray, ulFlags: u32, lpcValues: *mut u32,
            lppPropArray: *mut *mut SPropValue
        );
        unsafe fn GetPropList(ulFlags: u32, lppPropTagArray: *mut *mut SPropTagArray);
        unsafe fn OpenProperty(
            ulPropTag: u32, lpiid: *const GUID, ulInterfaceOptions: u32, ulFlags: u32,
            lppUnk: *mut *mut IUnknown
        );
        unsafe fn SetProps(
            cValues: u32, lpPropArray: *mut SPropValue, lppProblems: *mut *mut SPropProblemArray
        );
        unsafe fn DeleteProps(
            lpPropTagArray: *mut SPropTagArray, lppProblems: *mut *mut SPropProblemArray
        );
        unsafe fn CopyTo(
            ciidExclude: u32, rgiidExclude: *const GUID, lpExcludeProps: *mut SPropTagArray,
            ulUIParam: UIPARAM, lpProgress: P, lpInterface: *const GUID, lpDestObj: P, ulFlags: u32,
            lppProblems: *mut *mut SPropProblemArray
        );
        unsafe fn CopyProps(
            lpIncludeProps: *mut SPropTagArray, ulUIParam: UIPARAM, lpProgress: P,
            lpInterface: *const GUID, lpDestObj: P, ulFlags: u32,
            lppProblems: *mut *mut SPropProblemArray
        );
        unsafe fn GetNamesFromIDs(
            lppPropTags: *mut *mut SPropTagArray, lpPropSetGuid: *mut GUID, ulFlags: u32,
            lpcPropNames: *mut u32, lpppPropNames: *mut P
        );
        unsafe fn GetIDsFromNames(
            cPropNames: u32, lppPropNames: *mut P, ulFlags: u32,
            lppPropTags: *mut *mut SPropTagArray
        );
    }
}

slots! {
    MsgStore, IMsgStoreCalls, IMsgStore, call_msgstore {
        unsafe fn Advise(
            cbEntryID: u32, lpEntryID: *mut ENTRYID, ulEventMask: u32, lpAdviseSink: P,
            lpulConnection: *mut usize
        );
        fn Unadvise(ulConnection: usize);
        unsafe fn CompareEntryIDs(
            cbEntryID1: u32, lpEntryID1: *mut ENTRYID, cbEntryID2: u32, lpEntryID2: *mut ENTRYID,
            ulFlags: u32, lpulResult: *mut u32
        );
        unsafe fn OpenEntry(
            cbEntryID: u32, lpEntryID: *mut ENTRYID, lpInterface: *const GUID, ulFlags: u32,
            lpulObjType: *mut u32, lppUnk: *mut *mut IUnknown
        );
        unsafe fn SetReceiveFolder(
            lpszMessageClass: LPTSTR, ulFlags: u32, cbEntryID: u32, lpEntryID: *mut ENTRYID
        );
        unsafe fn GetReceiveFolder(
            lpszMessageClass: LPTSTR, ulFlags: u32, lpcbEntryID: *mut u32,
            lppEntryID: *mut *mut ENTRYID, lppszExplicitClass: *mut LPTSTR
        );
        unsafe fn GetReceiveFolderTable(ulFlags: u32, lppTable: *mut P);
        unsafe fn StoreLogoff(lpulFlags: *mut u32);
        unsafe fn AbortSubmit(cbEntryID: u32, lpEntryID: *mut ENTRYID, ulFlags: u32);
        unsafe fn GetOutgoingQueue(ulFlags: u32, lppTable: *mut P);
        unsafe fn SetLockState(lpMessage: *mut IMessage, ulLockState: u32);
        unsafe fn FinishedMsg(ulFlags: u32, cbEntryID: u32, lpEntryID: *mut ENTRYID);
        unsafe fn NotifyNewMail(lpNotification: P);
    }
}

slots! {
    MapiSupport, IMAPISupportCalls, IMAPISupport, call_mapisupport {
        unsafe fn GetLastError(hResult: HRESULT, ulFlags: u32, lppMAPIError: *mut *mut MAPIERROR);
        unsafe fn GetMemAllocRoutines(
            lpAllocateBuffer: *mut Option<AllocateBuffer>,
            lpAllocateMore: *mut Option<AllocateMore>, lpFreeBuffer: *mut Option<FreeBuffer>
        );
        unsafe fn Subscribe(
            lpKey: P, ulEventMask: u32, ulFlags: u32, lpAdviseSink: P, lpulConnection: *mut usize
        );
        fn Unsubscribe(ulConnection: usize);
        unsafe fn Notify(lpKey: P, cNotification: u32, lpNotifications: P, lpulFlags: *mut u32);
        unsafe fn ModifyStatusRow(cValues: u32, lpColumnVals: *mut SPropValue, ulFlags: u32);
        unsafe fn OpenProfileSection(
            lpUid: *mut MAPIUID, ulFlags: u32, lppProfileObj: *mut *mut IProfSect
        );
        unsafe fn RegisterPreprocessor(
            lpMuid: *mut MAPIUID, lpszAdrType: LPTSTR, lpszDLLName: LPTSTR, lpszPreprocess: *mut u8,
            lpszRemovePreprocessInfo: *mut u8, ulFlags: u32
        );
        unsafe fn NewUID(lpMuid: *mut MAPIUID);
        unsafe fn MakeInvalid(ulFlags: u32, lpObject: P, ulRefCount: u32, cMethods: u32);
        fn SpoolerYield(ulFlags: u32);
        unsafe fn SpoolerNotify(ulFlags: u32, lpvData: P);
        unsafe fn CreateOneOff(
            lpszName: LPTSTR, lpszAdrType: LPTSTR, lpszAddress: LPTSTR, ulFlags: u32,
            lpcbEntryID: *mut u32, lppEntryID: *mut *mut ENTRYID
        );
        unsafe fn SetProviderUID(lpProviderID: *mut MAPIUID, ulFlags: u32);
        unsafe fn CompareEntryIDs(
            cbEntry1: u32, lpEntry1: *mut ENTRYID, cbEntry2: u32, lpEntry2: *mut ENTRYID,
            ulCompareFlags: u32, lpulResult: *mut u32
        );
        unsafe fn OpenTemplateID(
            cbTemplateID: u32, lpTemplateID: *mut ENTRYID, ulTemplateFlags: u32,
            lpMAPIPropData: *mut IMAPIProp, lpInterface: *const GUID,
            lppMAPIPropNew: *mut *mut IMAPIProp, lpMAPIPropSibling: *mut IMAPIProp
        );
        unsafe fn OpenEntry(
            cbEntryID: u32, lpEntryID: *mut ENTRYID, lpInterface: *const GUID, ulOpenFlags: u32,
            lpulObjType: *mut u32, lppUnk: *mut *mut IUnknown
        );
        unsafe fn GetOneOffTable(ulFlags: u32, lppTable: *mut P);
        unsafe fn Address(lpulUIParam: *mut UIPARAM, lpAdrParms: P, lppAdrList: *mut *mut ADRLIST);
        unsafe fn Details(
            lpulUIParam: *mut UIPARAM, lpfnDismiss: P, lpvDismissContext: P, cbEntryID: u32,
            lpEntryID: *mut ENTRYID, lpfButtonCallback: P, lpvButtonContext: P,
            lpszButtonText: LPTSTR, ulFlags: u32
        );
        unsafe fn NewEntry(
            ulUIParam: UIPARAM, ulFlags: u32, cbEIDContainer: u32, lpEIDContainer: *mut ENTRYID,
            cbEIDNewEntryTpl: u32, lpEIDNewEntryTpl: *mut ENTRYID, lpcbEIDNewEntry: *mut u32,
            lppEIDNewEntry: *mut *mut ENTRYID
        );
        unsafe fn DoConfigPropsheet(
            ulUIParam: UIPARAM, ulFlags: u32, lpszTitle: LPTSTR, lpDisplayTable: P,
            lpCOnfigData: *mut IMAPIProp, ulTopPage: u32
        );
        unsafe fn CopyMessages(
            lpSrcInterface: *const GUID, lpSrcFolder: P, lpMsgList: *mut ENTRYLIST,
            lpDestInterface: *const GUID, lpDestFolder: P, ulUIParam: UIPARAM, lpProgress: P,
            ulFlags: u32
        );
        unsafe fn CopyFolder(
            lpSrcInterface: *const GUID, lpSrcFolder: P, cbEntryID: u32, lpEntryID: *mut ENTRYID,
            lpDestInterface: *const GUID, lpDestFolder: P, lszNewFolderName: LPTSTR,
            ulUIParam: UIPARAM, lpProgress: P, ulFlags: u32
        );
        unsafe fn DoCopyTo(
            lpSrcInterface: *const GUID, lpSrcObj: P, ciidExclude: u32, rgiidExclude: *const GUID,
            lpExcludeProps: *mut SPropTagArray, ulUIParam: UIPARAM, lpProgress: P,
            lpDestInterface: *const GUID, lpDestObj: P, ulFlags: u32,
            lppProblems: *mut *mut SPropProblemArray
        );
        unsafe fn DoCopyProps(
            lpSrcInterface: *const GUID, lpSrcObj: P, lpIncludeProps: *mut SPropTagArray,
            ulUIParam: UIPARAM, lpProgress: P, lpDestInterface: *const GUID, lpDestObj: P,
            ulFlags: u32, lppProblems: *mut *mut SPropProblemArray
        );
        unsafe fn DoProgressDialog(ulUIParam: UIPARAM, ulFlags: u32, lppProgress: *mut P);
        unsafe fn ReadReceipt(
            ulFlags: u32, lpReadMessage: *mut IMessage, lppEmptyMessage: *mut *mut IMessage
        );
        unsafe fn PrepareSubmit(lpMessage: *mut IMessage, lpulFlags: *mut u32);
        unsafe fn ExpandRecips(lpMessage: *mut IMessage, lpulFlags: *mut u32);
        unsafe fn UpdatePAB(ulFlags: u32, lpMessage: *mut IMessage);
        unsafe fn DoSentMail(ulFlags: u32, lpMessage: *mut IMessage);
        unsafe fn OpenAddressBook(lpInterface: *const GUID, ulFlags: u32, lppAdrBook: *mut P);
        unsafe fn Preprocess(ulFlags: u32, cbEntryID: u32, lpEntryID: *mut ENTRYID);
        unsafe fn CompleteMsg(ulFlags: u32, cbEntryID: u32, lpEntryID: *mut ENTRYID);
        unsafe fn StoreLogoffTransports(lpulFlags: *mut u32);
        unsafe fn StatusRecips(lpMessage: *mut IMessage, lpRecipList: *mut ADRLIST);
        unsafe fn WrapStoreEntryID(
            cbOrigEntry: u32, lpOrigEntry: *mut ENTRYID, lpcbWrappedEntry: *mut u32,
            lppWrappedEntry: *mut *mut ENTRYID
        );
        fn ModifyProfile(ulFlags: u32);
        unsafe fn IStorageFromStream(
            lpUnkIn: *mut IUnknown, lpInterface: *const GUID, ulFlags: u32, lppStorageOut: *mut P
        );
        unsafe fn GetSvcConfigSupportObj(ulFlags: u32, lppSvcSupport: *mut *mut IMAPISupport);
    }
}

fn settings() -> Settings {
    Settings {
        inner: "inner.dll".into(),
        maildir: None,
        state: None,
    }
}

fn wrapped_store(inner: &ComObject<Recorded>) -> ComPtr<IMsgStore> {
    let run = ExclusiveRun::default();
    let store = Store::new(inner.cast().unwrap(), memory(), settings(), run);
    ComObject::new(store).cast().unwrap()
}

#[test]
fn every_slot_of_the_store_arrives_at_the_inner_store() {
    let inner = ComObject::new(Recorded::default());
    let store = wrapped_store(&inner);
    let mut made = Vec::new();
    call_mapiprop(&store.cast().unwrap(), &[], &mut made);
    call_msgstore(&store, &["StoreLogoff"], &mut made);
    let mut flags = 0x0001_2300;
    made.push(("StoreLogoff", vec![(&raw mut flags).addr()]));
    // SAFETY: `flags` is valid for a write.
    assert_eq!(unsafe { store.StoreLogoff(&mut flags) }, code(made.len()));
    assert_eq!(made.len(), 11 + 13);
    assert_eq!(*inner.0.lock().unwrap(), made);
    // SAFETY: NULL is allowed.
    let result = unsafe { store.StoreLogoff(ptr::null_mut()) };
    assert_eq!(result, code(made.len() + 1));
}

#[test]
fn every_slot_of_the_support_object_arrives_at_mapis() {
    let inner = ComObject::new(Recorded::default());
    let section = stand_in::host::Section::create(Vec::new());
    let support = Support::new(inner.cast().unwrap(), section.clone());
    let support: ComPtr<IMAPISupport> = ComObject::new(support).cast().unwrap();
    let mut made = Vec::new();
    call_mapisupport(&support, &["OpenProfileSection"], &mut made);
    let (mut uid, mut opened) = (MAPIUID { ab: [7; 16] }, ptr::null_mut::<IProfSect>());
    for uid in [&raw mut uid, ptr::null_mut()] {
        made.push((
            "OpenProfileSection",
            vec![uid.addr(), 5, (&raw mut opened).addr()],
        ));
        // SAFETY: the arguments are NULL or valid.
        let result = unsafe { support.OpenProfileSection(uid, 5, &mut opened) };
        assert_eq!(result, code(made.len()));
    }
    assert_eq!(made.len(), 41 + 1);
    assert_eq!(*inner.0.lock().unwrap(), made);

    // This section is the provider's own, and MAPI is not called.
    uid = NST_SECTION;
    // SAFETY: all arguments are valid. The result owns a reference.
    let opened = unsafe {
        assert_eq!(
            support.OpenProfileSection(&mut uid, 5, &mut opened),
            HRESULT::S_OK
        );
        ComPtr::from_raw(opened).unwrap()
    };
    assert!(opened.is_same_object(&section));
    assert_eq!(reference_count(&section), 3);
    assert_eq!(*inner.0.lock().unwrap(), made);
    // Without an out parameter it is MAPI's call to refuse.
    // SAFETY: NULL is allowed.
    let _ = unsafe { support.OpenProfileSection(&mut uid, 5, ptr::null_mut()) };
    assert_eq!(inner.0.lock().unwrap().len(), made.len() + 1);
}

#[test]
fn other_interfaces_are_those_of_the_inner_object() {
    let inner = ComObject::new(Recorded::default());
    let section = stand_in::host::Section::create(Vec::new());
    let support = ComObject::new(Support::new(inner.cast().unwrap(), section));
    let wrappers: [(ComPtr<IUnknown>, &[GUID]); 2] = [
        (
            wrapped_store(&inner).cast().unwrap(),
            &[
                IMAPIProp::IID,
                IMsgStore::IID,
                mapisync::abi::IMAPISync::IID,
            ],
        ),
        (support.cast().unwrap(), &[IMAPISupport::IID]),
    ];
    for (wrapper, own) in wrappers {
        for iid in own {
            let here = wrapper.query_interface(iid).unwrap();
            assert!(here.is_same_object(&wrapper), "{iid}");
            for other in own {
                assert!(
                    here.query_interface(other)
                        .unwrap()
                        .is_same_object(&wrapper)
                );
            }
        }
        let extra: ComPtr<IExtra> = wrapper.cast().unwrap();
        assert_eq!(extra.Value(), 7);
        // The documented consequence: this pointer leads to the inner object and not back.
        let inner: ComPtr<IUnknown> = inner.cast().unwrap();
        assert!(extra.is_same_object(&inner) && !extra.is_same_object(&wrapper));
        let unknown_everywhere = wrapper.cast::<IMAPIFolder>().unwrap_err();
        assert_eq!(unknown_everywhere.hresult(), HRESULT::E_NOINTERFACE);
    }
    drop(support);
    let inner: ComPtr<IUnknown> = {
        let unknown = inner.cast().unwrap();
        drop(inner);
        unknown
    };
    assert_eq!(reference_count(&inner), 1);
}
