//! The interfaces of a store and its objects, from `MAPIDefS.h`.

use super::{ADRLIST, ENTRYID, ENTRYLIST, LPTSTR, MAPIERROR, P, SPropTagArray, SPropValue};
use super::{SPropProblemArray, UIPARAM};
use mapisync::abi::IUnknown;
use mapisync::{GUID, HRESULT, com_interface};

com_interface! {
    /// The properties of a MAPI object.
    // SAFETY: the order is that of `MAPI_IMAPIPROP_METHODS` in mapidefs.h, and the IID is that of
    // mapiguid.h; a test compares both. MAPI is free-threaded. SaveChanges accepts any flags.
    pub unsafe interface IMAPIProp: IUnknown("00020303-0000-0000-C000-000000000046") {
        vtable IMAPIPropVtbl;
        trait MapiProp;
        calls IMAPIPropCalls;
        free_threaded;
        forwards inner_prop;
        unsafe fn GetLastError(hResult: HRESULT, ulFlags: u32, lppMAPIError: *mut *mut MAPIERROR) -> HRESULT;
        fn SaveChanges(ulFlags: u32) -> HRESULT;
        unsafe fn GetProps(
            lpPropTagArray: *mut SPropTagArray, ulFlags: u32, lpcValues: *mut u32, lppPropArray: *mut *mut SPropValue,
        ) -> HRESULT;
        unsafe fn GetPropList(ulFlags: u32, lppPropTagArray: *mut *mut SPropTagArray) -> HRESULT;
        unsafe fn OpenProperty(
            ulPropTag: u32, lpiid: *const GUID, ulInterfaceOptions: u32, ulFlags: u32, lppUnk: *mut *mut IUnknown,
        ) -> HRESULT;
        unsafe fn SetProps(
            cValues: u32, lpPropArray: *mut SPropValue, lppProblems: *mut *mut SPropProblemArray,
        ) -> HRESULT;
        unsafe fn DeleteProps(lpPropTagArray: *mut SPropTagArray, lppProblems: *mut *mut SPropProblemArray) -> HRESULT;
        unsafe fn CopyTo(
            ciidExclude: u32, rgiidExclude: *const GUID, lpExcludeProps: *mut SPropTagArray, ulUIParam: UIPARAM,
            lpProgress: P, lpInterface: *const GUID, lpDestObj: P, ulFlags: u32,
            lppProblems: *mut *mut SPropProblemArray,
        ) -> HRESULT;
        unsafe fn CopyProps(
            lpIncludeProps: *mut SPropTagArray, ulUIParam: UIPARAM, lpProgress: P, lpInterface: *const GUID,
            lpDestObj: P, ulFlags: u32, lppProblems: *mut *mut SPropProblemArray,
        ) -> HRESULT;
        unsafe fn GetNamesFromIDs(
            lppPropTags: *mut *mut SPropTagArray, lpPropSetGuid: *mut GUID, ulFlags: u32, lpcPropNames: *mut u32,
            lpppPropNames: *mut P,
        ) -> HRESULT;
        unsafe fn GetIDsFromNames(
            cPropNames: u32, lppPropNames: *mut P, ulFlags: u32, lppPropTags: *mut *mut SPropTagArray,
        ) -> HRESULT;
    }

    /// A section of a profile. It has no methods of its own.
    // SAFETY: the sources are those of `IMAPIProp`.
    pub unsafe interface IProfSect: IMAPIProp("00020304-0000-0000-C000-000000000046") {
        vtable IProfSectVtbl;
        trait ProfSect: MapiProp;
        calls IProfSectCalls;
        free_threaded;
    }

    /// A message store.
    // SAFETY: the sources are those of `IMAPIProp`. Unadvise accepts any number.
    pub unsafe interface IMsgStore: IMAPIProp("00020306-0000-0000-C000-000000000046") {
        vtable IMsgStoreVtbl;
        trait MsgStore: MapiProp;
        calls IMsgStoreCalls;
        free_threaded;
        forwards inner_store;
        unsafe fn Advise(
            cbEntryID: u32, lpEntryID: *mut ENTRYID, ulEventMask: u32, lpAdviseSink: P, lpulConnection: *mut usize,
        ) -> HRESULT;
        fn Unadvise(ulConnection: usize) -> HRESULT;
        unsafe fn CompareEntryIDs(
            cbEntryID1: u32, lpEntryID1: *mut ENTRYID, cbEntryID2: u32, lpEntryID2: *mut ENTRYID, ulFlags: u32,
            lpulResult: *mut u32,
        ) -> HRESULT;
        unsafe fn OpenEntry(
            cbEntryID: u32, lpEntryID: *mut ENTRYID, lpInterface: *const GUID, ulFlags: u32, lpulObjType: *mut u32,
            lppUnk: *mut *mut IUnknown,
        ) -> HRESULT;
        unsafe fn SetReceiveFolder(
            lpszMessageClass: LPTSTR, ulFlags: u32, cbEntryID: u32, lpEntryID: *mut ENTRYID,
        ) -> HRESULT;
        unsafe fn GetReceiveFolder(
            lpszMessageClass: LPTSTR, ulFlags: u32, lpcbEntryID: *mut u32, lppEntryID: *mut *mut ENTRYID,
            lppszExplicitClass: *mut LPTSTR,
        ) -> HRESULT;
        unsafe fn GetReceiveFolderTable(ulFlags: u32, lppTable: *mut P) -> HRESULT;
        unsafe fn StoreLogoff(lpulFlags: *mut u32) -> HRESULT;
        unsafe fn AbortSubmit(cbEntryID: u32, lpEntryID: *mut ENTRYID, ulFlags: u32) -> HRESULT;
        unsafe fn GetOutgoingQueue(ulFlags: u32, lppTable: *mut P) -> HRESULT;
        unsafe fn SetLockState(lpMessage: *mut IMessage, ulLockState: u32) -> HRESULT;
        unsafe fn FinishedMsg(ulFlags: u32, cbEntryID: u32, lpEntryID: *mut ENTRYID) -> HRESULT;
        unsafe fn NotifyNewMail(lpNotification: P) -> HRESULT;
    }

    /// An object that contains others.
    // SAFETY: the sources are those of `IMAPIProp`.
    pub unsafe interface IMAPIContainer: IMAPIProp("0002030B-0000-0000-C000-000000000046") {
        vtable IMAPIContainerVtbl;
        trait MapiContainer: MapiProp;
        calls IMAPIContainerCalls;
        free_threaded;
        unsafe fn GetContentsTable(ulFlags: u32, lppTable: *mut P) -> HRESULT;
        unsafe fn GetHierarchyTable(ulFlags: u32, lppTable: *mut P) -> HRESULT;
        unsafe fn OpenEntry(
            cbEntryID: u32, lpEntryID: *mut ENTRYID, lpInterface: *const GUID, ulFlags: u32, lpulObjType: *mut u32,
            lppUnk: *mut *mut IUnknown,
        ) -> HRESULT;
        unsafe fn SetSearchCriteria(lpRestriction: P, lpContainerList: *mut ENTRYLIST, ulSearchFlags: u32) -> HRESULT;
        unsafe fn GetSearchCriteria(
            ulFlags: u32, lppRestriction: *mut P, lppContainerList: *mut *mut ENTRYLIST, lpulSearchState: *mut u32,
        ) -> HRESULT;
    }

    /// A folder of a store.
    // SAFETY: the sources are those of `IMAPIProp`.
    pub unsafe interface IMAPIFolder: IMAPIContainer("0002030C-0000-0000-C000-000000000046") {
        vtable IMAPIFolderVtbl;
        trait MapiFolder: MapiContainer;
        calls IMAPIFolderCalls;
        free_threaded;
        unsafe fn CreateMessage(lpInterface: *const GUID, ulFlags: u32, lppMessage: *mut *mut IMessage) -> HRESULT;
        unsafe fn CopyMessages(
            lpMsgList: *mut ENTRYLIST, lpInterface: *const GUID, lpDestFolder: P, ulUIParam: UIPARAM, lpProgress: P,
            ulFlags: u32,
        ) -> HRESULT;
        unsafe fn DeleteMessages(
            lpMsgList: *mut ENTRYLIST, ulUIParam: UIPARAM, lpProgress: P, ulFlags: u32,
        ) -> HRESULT;
        unsafe fn CreateFolder(
            ulFolderType: u32, lpszFolderName: LPTSTR, lpszFolderComment: LPTSTR, lpInterface: *const GUID,
            ulFlags: u32, lppFolder: *mut *mut IMAPIFolder,
        ) -> HRESULT;
        unsafe fn CopyFolder(
            cbEntryID: u32, lpEntryID: *mut ENTRYID, lpInterface: *const GUID, lpDestFolder: P,
            lpszNewFolderName: LPTSTR, ulUIParam: UIPARAM, lpProgress: P, ulFlags: u32,
        ) -> HRESULT;
        unsafe fn DeleteFolder(
            cbEntryID: u32, lpEntryID: *mut ENTRYID, ulUIParam: UIPARAM, lpProgress: P, ulFlags: u32,
        ) -> HRESULT;
        unsafe fn SetReadFlags(
            lpMsgList: *mut ENTRYLIST, ulUIParam: UIPARAM, lpProgress: P, ulFlags: u32,
        ) -> HRESULT;
        unsafe fn GetMessageStatus(
            cbEntryID: u32, lpEntryID: *mut ENTRYID, ulFlags: u32, lpulMessageStatus: *mut u32,
        ) -> HRESULT;
        unsafe fn SetMessageStatus(
            cbEntryID: u32, lpEntryID: *mut ENTRYID, ulNewStatus: u32, ulNewStatusMask: u32, lpulOldStatus: *mut u32,
        ) -> HRESULT;
        unsafe fn SaveContentsSort(lpSortCriteria: P, ulFlags: u32) -> HRESULT;
        unsafe fn EmptyFolder(ulUIParam: UIPARAM, lpProgress: P, ulFlags: u32) -> HRESULT;
    }

    /// A message.
    // SAFETY: the sources are those of `IMAPIProp`. SubmitMessage and SetReadFlag accept any flags.
    pub unsafe interface IMessage: IMAPIProp("00020307-0000-0000-C000-000000000046") {
        vtable IMessageVtbl;
        trait MapiMessage: MapiProp;
        calls IMessageCalls;
        free_threaded;
        unsafe fn GetAttachmentTable(ulFlags: u32, lppTable: *mut P) -> HRESULT;
        unsafe fn OpenAttach(
            ulAttachmentNum: u32, lpInterface: *const GUID, ulFlags: u32, lppAttach: *mut P,
        ) -> HRESULT;
        unsafe fn CreateAttach(
            lpInterface: *const GUID, ulFlags: u32, lpulAttachmentNum: *mut u32, lppAttach: *mut P,
        ) -> HRESULT;
        unsafe fn DeleteAttach(ulAttachmentNum: u32, ulUIParam: UIPARAM, lpProgress: P, ulFlags: u32) -> HRESULT;
        unsafe fn GetRecipientTable(ulFlags: u32, lppTable: *mut P) -> HRESULT;
        unsafe fn ModifyRecipients(ulFlags: u32, lpMods: *mut ADRLIST) -> HRESULT;
        fn SubmitMessage(ulFlags: u32) -> HRESULT;
        fn SetReadFlag(ulFlags: u32) -> HRESULT;
    }
}
