//! A store that declares an interface itself: one Rust object with `IMsgStore` and `IMAPISync`.
//!
//! Outlook has the store as `IMsgStore` and calls its `QueryInterface` for `IMAPISync`. COM
//! requires that `QueryInterface` on either interface returns the other, and that both are
//! interfaces of one object. `com_interface!` declares `IMsgStore` and its base, `IMAPIProp`. All
//! methods are declared, but the store implements only two of them.

use mapisync::abi::{IMAPISync, IUnknown};
use mapisync::{
    Class, ComObject, ComPtr, GUID, HRESULT, MapiSync, MapiSyncProgressCallback, Result, SyncFlags,
    SyncHost, SyncRequest, com_interface,
};
use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A pointer to a MAPI structure or object that this store does not use.
type P = *mut c_void;

com_interface! {
    /// The properties of a MAPI object.
    // SAFETY: the order is that of the table "Vtable order" on the page of the interface, and of
    // MAPIDefS.h. The IID is the one in MAPIGuid.h. MAPI is free-threaded. SaveChanges accepts any
    // flags.
    pub unsafe interface IMAPIProp: IUnknown("00020303-0000-0000-C000-000000000046") {
        vtable IMAPIPropVtbl;
        trait MapiProp;
        calls IMAPIPropCalls;
        free_threaded;
        unsafe fn GetLastError(hResult: HRESULT, ulFlags: u32, lppMAPIError: *mut P) -> HRESULT;
        fn SaveChanges(ulFlags: u32) -> HRESULT;
        unsafe fn GetProps(lpPropTagArray: P, ulFlags: u32, lpcValues: *mut u32, lppPropArray: *mut P) -> HRESULT;
        unsafe fn GetPropList(ulFlags: u32, lppPropTagArray: *mut P) -> HRESULT;
        unsafe fn OpenProperty(
            ulPropTag: u32, lpiid: *const GUID, ulInterfaceOptions: u32, ulFlags: u32, lppUnk: *mut P,
        ) -> HRESULT;
        unsafe fn SetProps(cValues: u32, lpPropArray: P, lppProblems: *mut P) -> HRESULT;
        unsafe fn DeleteProps(lpPropTagArray: P, lppProblems: *mut P) -> HRESULT;
        unsafe fn CopyTo(
            ciidExclude: u32, rgiidExclude: *const GUID, lpExcludeProps: P, ulUIParam: usize, lpProgress: P,
            lpInterface: *const GUID, lpDestObj: P, ulFlags: u32, lppProblems: *mut P,
        ) -> HRESULT;
        unsafe fn CopyProps(
            lpIncludeProps: P, ulUIParam: usize, lpProgress: P, lpInterface: *const GUID, lpDestObj: P,
            ulFlags: u32, lppProblems: *mut P,
        ) -> HRESULT;
        unsafe fn GetNamesFromIDs(
            lppPropTags: *mut P, lpPropSetGuid: *mut GUID, ulFlags: u32, lpcPropNames: *mut u32,
            lpppPropNames: *mut P,
        ) -> HRESULT;
        unsafe fn GetIDsFromNames(
            cPropNames: u32, lppPropNames: *mut P, ulFlags: u32, lppPropTags: *mut P,
        ) -> HRESULT;
    }

    /// A message store.
    // SAFETY: the same sources as for `IMAPIProp`. Unadvise accepts any number.
    pub unsafe interface IMsgStore: IMAPIProp("00020306-0000-0000-C000-000000000046") {
        vtable IMsgStoreVtbl;
        trait MsgStore: MapiProp;
        calls IMsgStoreCalls;
        free_threaded;
        unsafe fn Advise(
            cbEntryID: u32, lpEntryID: P, ulEventMask: u32, lpAdviseSink: P, lpulConnection: *mut usize,
        ) -> HRESULT;
        fn Unadvise(ulConnection: usize) -> HRESULT;
        unsafe fn CompareEntryIDs(
            cbEntryID1: u32, lpEntryID1: P, cbEntryID2: u32, lpEntryID2: P, ulFlags: u32, lpulResult: *mut u32,
        ) -> HRESULT;
        unsafe fn OpenEntry(
            cbEntryID: u32, lpEntryID: P, lpInterface: *const GUID, ulFlags: u32, lpulObjType: *mut u32,
            lppUnk: *mut P,
        ) -> HRESULT;
        unsafe fn SetReceiveFolder(lpszMessageClass: P, ulFlags: u32, cbEntryID: u32, lpEntryID: P) -> HRESULT;
        unsafe fn GetReceiveFolder(
            lpszMessageClass: P, ulFlags: u32, lpcbEntryID: *mut u32, lppEntryID: *mut P,
            lppszExplicitClass: *mut P,
        ) -> HRESULT;
        unsafe fn GetReceiveFolderTable(ulFlags: u32, lppTable: *mut P) -> HRESULT;
        unsafe fn StoreLogoff(lpulFlags: *mut u32) -> HRESULT;
        unsafe fn AbortSubmit(cbEntryID: u32, lpEntryID: P, ulFlags: u32) -> HRESULT;
        unsafe fn GetOutgoingQueue(ulFlags: u32, lppTable: *mut P) -> HRESULT;
        unsafe fn SetLockState(lpMessage: P, ulLockState: u32) -> HRESULT;
        unsafe fn FinishedMsg(ulFlags: u32, cbEntryID: u32, lpEntryID: P) -> HRESULT;
        unsafe fn NotifyNewMail(lpNotification: P) -> HRESULT;
    }
}

struct Store {
    logged_off: AtomicBool,
}

/// The object has these interfaces and those that they extend, `IMAPIProp` and `IUnknown`. The
/// order does not matter.
impl Class for Store {
    type Interfaces = (IMsgStore, IMAPISync);
}

impl MapiSync for Store {
    fn synchronize_in_background(&self, request: SyncRequest<'_>) -> Result<()> {
        if self.logged_off.load(Ordering::Relaxed) {
            return Err(HRESULT::MAPI_E_OFFLINE.into());
        }
        request.spawn(|job| job.progress(Some("Receiving Inbox"), 1, 1))
    }
}

/// The store leaves out all methods of `IMAPIProp`, so they return `MAPI_E_NO_SUPPORT`.
impl MapiProp for Store {}

impl MsgStore for Store {
    unsafe fn StoreLogoff(&self, flags: *mut u32) -> Result<HRESULT> {
        self.logged_off.store(true, Ordering::Relaxed);
        // SAFETY: MAPI requires that `flags` is NULL or valid.
        if let Some(flags) = unsafe { flags.as_mut() } {
            *flags = 0x0001_0000; // LOGOFF_COMPLETE
        }
        Ok(HRESULT::S_OK)
    }

    unsafe fn CompareEntryIDs(
        &self,
        first_length: u32,
        first: P,
        second_length: u32,
        second: P,
        _flags: u32,
        equal: *mut u32,
    ) -> Result<HRESULT> {
        if first.is_null() || second.is_null() || equal.is_null() {
            return Err(HRESULT::MAPI_E_INVALID_PARAMETER.into());
        }
        // SAFETY: MAPI requires that the entry identifiers have these lengths and that `equal` is
        // valid. None of the pointers is NULL.
        unsafe {
            let bytes =
                |id: P, length: u32| std::slice::from_raw_parts(id.cast::<u8>(), length as usize);
            *equal = (bytes(first, first_length) == bytes(second, second_length)).into();
        }
        Ok(HRESULT::S_OK)
    }
}

struct Dialog;

impl MapiSyncProgressCallback for Dialog {
    fn progress(&self, step: Option<&str>, index: u32, max: u32) -> Result<()> {
        println!("{} ({index} of {max})", step.unwrap_or_default());
        Ok(())
    }
    fn error(&self, code: HRESULT, message: Option<&str>) -> Result<()> {
        println!("{code}: {}", message.unwrap_or_default());
        Ok(())
    }
    fn done(&self, status: HRESULT) -> Result<()> {
        println!("ended with {status}");
        Ok(())
    }
}

fn main() -> Result<()> {
    // The provider's Logon returns this pointer to MAPI, which passes it to Outlook.
    let store: ComPtr<IMsgStore> =
        ComObject::new(Store { logged_off: AtomicBool::new(false) }).cast()?;

    // Outlook uses IMAPISync if the store has it.
    let sync: ComPtr<IMAPISync> = store.cast()?;
    let run = SyncHost::new(Dialog).start(&sync, SyncFlags::DOWNLOAD_CONTENTS)?;
    let status = run.wait(Duration::from_secs(30))?;
    assert!(status.is_ok(), "{status}");

    // QueryInterface on IMAPISync returns IMsgStore again, and the interface that IMsgStore
    // extends. All are interfaces of one object.
    let back: ComPtr<IMsgStore> = sync.cast()?;
    let property: ComPtr<IMAPIProp> = sync.cast()?;
    assert!(back.is_same_object(&store) && property.is_same_object(&sync));
    println!("one object: IMsgStore, IMAPIProp, IMAPISync");

    // A pointer to IMsgStore has the calls of IMAPIProp, too.
    let saved = back.SaveChanges(0);
    let mut flags = 0;
    // SAFETY: `flags` is valid for a write.
    let logged_off = unsafe { back.StoreLogoff(&mut flags) };
    println!("SaveChanges: {saved}");
    println!("StoreLogoff: {logged_off}, flags {flags:#x}");
    match SyncHost::new(Dialog).start(&sync, SyncFlags::DOWNLOAD_CONTENTS) {
        Err(refused) => println!("after that: {}", refused.hresult()),
        Ok(_) => unreachable!("the store is logged off"),
    }
    Ok(())
}
