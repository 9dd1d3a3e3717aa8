//! The session that a run gets: all its methods fail with `MAPI_E_NO_SUPPORT`. A provider that needs a
//! real session fails then, and does not crash.

use mapisync::abi::{self, IUnknown};
use mapisync::{Class, ComObject, ComPtr, GUID, HRESULT, com_interface};
use std::ffi::c_void;

/// A pointer to a MAPI structure, object or string.
type P = *mut c_void;

com_interface! {
    /// A MAPI session.
    // SAFETY: the order is that of the table "Vtable order" on the page of the interface, and of
    // mapix.h. The IID is the one in MAPIGuid.h. MAPI is free-threaded. The plain methods accept any
    // numbers.
    pub unsafe interface IMAPISession: IUnknown("00020300-0000-0000-C000-000000000046") {
        vtable IMAPISessionVtbl;
        trait MapiSession;
        calls IMAPISessionCalls;
        free_threaded;
        unsafe fn GetLastError(hResult: HRESULT, ulFlags: u32, lppMAPIError: *mut P) -> HRESULT;
        unsafe fn GetMsgStoresTable(ulFlags: u32, lppTable: *mut P) -> HRESULT;
        unsafe fn OpenMsgStore(
            ulUIParam: usize, cbEntryID: u32, lpEntryID: P, lpInterface: *const GUID, ulFlags: u32, lppMDB: *mut P,
        ) -> HRESULT;
        unsafe fn OpenAddressBook(
            ulUIParam: usize, lpInterface: *const GUID, ulFlags: u32, lppAdrBook: *mut P,
        ) -> HRESULT;
        unsafe fn OpenProfileSection(
            lpUID: P, lpInterface: *const GUID, ulFlags: u32, lppProfSect: *mut P,
        ) -> HRESULT;
        unsafe fn GetStatusTable(ulFlags: u32, lppTable: *mut P) -> HRESULT;
        unsafe fn OpenEntry(
            cbEntryID: u32, lpEntryID: P, lpInterface: *const GUID, ulFlags: u32, lpulObjType: *mut u32,
            lppUnk: *mut P,
        ) -> HRESULT;
        unsafe fn CompareEntryIDs(
            cbEntryID1: u32, lpEntryID1: P, cbEntryID2: u32, lpEntryID2: P, ulFlags: u32, lpulResult: *mut u32,
        ) -> HRESULT;
        unsafe fn Advise(
            cbEntryID: u32, lpEntryID: P, ulEventMask: u32, lpAdviseSink: P, lpulConnection: *mut u32,
        ) -> HRESULT;
        fn Unadvise(ulConnection: u32) -> HRESULT;
        unsafe fn MessageOptions(ulUIParam: usize, ulFlags: u32, lpszAdrType: P, lpMessage: P) -> HRESULT;
        unsafe fn QueryDefaultMessageOpt(
            lpszAdrType: P, ulFlags: u32, lpcValues: *mut u32, lppOptions: *mut P,
        ) -> HRESULT;
        unsafe fn EnumAdrTypes(ulFlags: u32, lpcAdrTypes: *mut u32, lpppszAdrTypes: *mut P) -> HRESULT;
        unsafe fn QueryIdentity(lpcbEntryID: *mut u32, lppEntryID: *mut P) -> HRESULT;
        fn Logoff(ulUIParam: usize, ulFlags: u32, ulReserved: u32) -> HRESULT;
        unsafe fn SetDefaultStore(ulFlags: u32, cbEntryID: u32, lpEntryID: P) -> HRESULT;
        unsafe fn AdminServices(ulFlags: u32, lppServiceAdmin: *mut P) -> HRESULT;
        unsafe fn ShowForm(
            ulUIParam: usize, lpMsgStore: P, lpParentFolder: P, lpInterface: *const GUID, ulMessageToken: u32,
            lpMessageSent: P, ulFlags: u32, ulMessageStatus: u32, ulMessageFlags: u32, ulAccess: u32,
            lpszMessageClass: P,
        ) -> HRESULT;
        unsafe fn PrepareForm(lpInterface: *const GUID, lpMessage: P, lpulMessageToken: *mut u32) -> HRESULT;
    }
}

struct Session;

impl Class for Session {
    type Interfaces = (IMAPISession,);
}

/// All methods are left out.
impl MapiSession for Session {}

/// Creates a session.
pub fn session() -> ComPtr<abi::IMAPISession> {
    let session = ComObject::new(Session).cast::<abi::IMAPISession>();
    session.expect("the IID is in the list")
}
