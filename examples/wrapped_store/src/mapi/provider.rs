//! The interfaces between MAPI and a store provider, from `MAPISPI.h` and `MAPIDefS.h`.

use super::store::{IMAPIProp, IMessage, IMsgStore, IProfSect};
use super::{
    ADRLIST, ENTRYID, ENTRYLIST, LPTSTR, MAPIERROR, MAPIUID, P, SPropTagArray, SPropValue,
};
use super::{AllocateBuffer, AllocateMore, FreeBuffer, SPropProblemArray, UIPARAM};
use mapisync::abi::IUnknown;
use mapisync::{GUID, HRESULT, com_interface};

com_interface! {
    /// A store provider, which `MSProviderInit` creates.
    // SAFETY: the order is that of `MAPI_IMSPROVIDER_METHODS` in mapispi.h, and the IID is that of
    // mapiguid.h; a test compares both. MAPI is free-threaded.
    pub unsafe interface IMSProvider: IUnknown("00020310-0000-0000-C000-000000000046") {
        vtable IMSProviderVtbl;
        trait MsProvider;
        calls IMSProviderCalls;
        free_threaded;
        unsafe fn Shutdown(lpulFlags: *mut u32) -> HRESULT;
        unsafe fn Logon(
            lpMAPISup: *mut IMAPISupport, ulUIParam: UIPARAM, lpszProfileName: LPTSTR, cbEntryID: u32,
            lpEntryID: *mut ENTRYID, ulFlags: u32, lpInterface: *const GUID, lpcbSpoolSecurity: *mut u32,
            lppbSpoolSecurity: *mut *mut u8, lppMAPIError: *mut *mut MAPIERROR, lppMSLogon: *mut *mut IMSLogon,
            lppMDB: *mut *mut IMsgStore,
        ) -> HRESULT;
        unsafe fn SpoolerLogon(
            lpMAPISup: *mut IMAPISupport, ulUIParam: UIPARAM, lpszProfileName: LPTSTR, cbEntryID: u32,
            lpEntryID: *mut ENTRYID, ulFlags: u32, lpInterface: *const GUID, cbSpoolSecurity: u32,
            lpbSpoolSecurity: *mut u8, lppMAPIError: *mut *mut MAPIERROR, lppMSLogon: *mut *mut IMSLogon,
            lppMDB: *mut *mut IMsgStore,
        ) -> HRESULT;
        unsafe fn CompareStoreIDs(
            cbEntryID1: u32, lpEntryID1: *mut ENTRYID, cbEntryID2: u32, lpEntryID2: *mut ENTRYID, ulFlags: u32,
            lpulResult: *mut u32,
        ) -> HRESULT;
    }

    /// A session of a store provider, which `Logon` creates together with the store.
    // SAFETY: the sources are those of `IMSProvider`. Unadvise accepts any number.
    pub unsafe interface IMSLogon: IUnknown("00020313-0000-0000-C000-000000000046") {
        vtable IMSLogonVtbl;
        trait MsLogon;
        calls IMSLogonCalls;
        free_threaded;
        unsafe fn GetLastError(hResult: HRESULT, ulFlags: u32, lppMAPIError: *mut *mut MAPIERROR) -> HRESULT;
        unsafe fn Logoff(lpulFlags: *mut u32) -> HRESULT;
        unsafe fn OpenEntry(
            cbEntryID: u32, lpEntryID: *mut ENTRYID, lpInterface: *const GUID, ulFlags: u32, lpulObjType: *mut u32,
            lppUnk: *mut *mut IUnknown,
        ) -> HRESULT;
        unsafe fn CompareEntryIDs(
            cbEntryID1: u32, lpEntryID1: *mut ENTRYID, cbEntryID2: u32, lpEntryID2: *mut ENTRYID, ulFlags: u32,
            lpulResult: *mut u32,
        ) -> HRESULT;
        unsafe fn Advise(
            cbEntryID: u32, lpEntryID: *mut ENTRYID, ulEventMask: u32, lpAdviseSink: P, lpulConnection: *mut usize,
        ) -> HRESULT;
        fn Unadvise(ulConnection: usize) -> HRESULT;
        unsafe fn OpenStatusEntry(
            lpInterface: *const GUID, ulFlags: u32, lpulObjType: *mut u32, lppEntry: *mut P,
        ) -> HRESULT;
    }

    /// MAPI's services for a provider. MAPI passes it to `Logon`.
    // SAFETY: the sources are those of `IMSProvider`. Unsubscribe and the methods that take only
    // flags accept any number.
    pub unsafe interface IMAPISupport: IUnknown("0002030F-0000-0000-C000-000000000046") {
        vtable IMAPISupportVtbl;
        trait MapiSupport;
        calls IMAPISupportCalls;
        free_threaded;
        forwards inner_support;
        unsafe fn GetLastError(hResult: HRESULT, ulFlags: u32, lppMAPIError: *mut *mut MAPIERROR) -> HRESULT;
        unsafe fn GetMemAllocRoutines(
            lpAllocateBuffer: *mut Option<AllocateBuffer>, lpAllocateMore: *mut Option<AllocateMore>,
            lpFreeBuffer: *mut Option<FreeBuffer>,
        ) -> HRESULT;
        unsafe fn Subscribe(
            lpKey: P, ulEventMask: u32, ulFlags: u32, lpAdviseSink: P, lpulConnection: *mut usize,
        ) -> HRESULT;
        fn Unsubscribe(ulConnection: usize) -> HRESULT;
        unsafe fn Notify(lpKey: P, cNotification: u32, lpNotifications: P, lpulFlags: *mut u32) -> HRESULT;
        unsafe fn ModifyStatusRow(cValues: u32, lpColumnVals: *mut SPropValue, ulFlags: u32) -> HRESULT;
        unsafe fn OpenProfileSection(
            lpUid: *mut MAPIUID, ulFlags: u32, lppProfileObj: *mut *mut IProfSect,
        ) -> HRESULT;
        unsafe fn RegisterPreprocessor(
            lpMuid: *mut MAPIUID, lpszAdrType: LPTSTR, lpszDLLName: LPTSTR, lpszPreprocess: *mut u8,
            lpszRemovePreprocessInfo: *mut u8, ulFlags: u32,
        ) -> HRESULT;
        unsafe fn NewUID(lpMuid: *mut MAPIUID) -> HRESULT;
        unsafe fn MakeInvalid(ulFlags: u32, lpObject: P, ulRefCount: u32, cMethods: u32) -> HRESULT;
        fn SpoolerYield(ulFlags: u32) -> HRESULT;
        unsafe fn SpoolerNotify(ulFlags: u32, lpvData: P) -> HRESULT;
        unsafe fn CreateOneOff(
            lpszName: LPTSTR, lpszAdrType: LPTSTR, lpszAddress: LPTSTR, ulFlags: u32, lpcbEntryID: *mut u32,
            lppEntryID: *mut *mut ENTRYID,
        ) -> HRESULT;
        unsafe fn SetProviderUID(lpProviderID: *mut MAPIUID, ulFlags: u32) -> HRESULT;
        unsafe fn CompareEntryIDs(
            cbEntry1: u32, lpEntry1: *mut ENTRYID, cbEntry2: u32, lpEntry2: *mut ENTRYID, ulCompareFlags: u32,
            lpulResult: *mut u32,
        ) -> HRESULT;
        unsafe fn OpenTemplateID(
            cbTemplateID: u32, lpTemplateID: *mut ENTRYID, ulTemplateFlags: u32, lpMAPIPropData: *mut IMAPIProp,
            lpInterface: *const GUID, lppMAPIPropNew: *mut *mut IMAPIProp, lpMAPIPropSibling: *mut IMAPIProp,
        ) -> HRESULT;
        unsafe fn OpenEntry(
            cbEntryID: u32, lpEntryID: *mut ENTRYID, lpInterface: *const GUID, ulOpenFlags: u32,
            lpulObjType: *mut u32, lppUnk: *mut *mut IUnknown,
        ) -> HRESULT;
        unsafe fn GetOneOffTable(ulFlags: u32, lppTable: *mut P) -> HRESULT;
        unsafe fn Address(lpulUIParam: *mut UIPARAM, lpAdrParms: P, lppAdrList: *mut *mut ADRLIST) -> HRESULT;
        unsafe fn Details(
            lpulUIParam: *mut UIPARAM, lpfnDismiss: P, lpvDismissContext: P, cbEntryID: u32, lpEntryID: *mut ENTRYID,
            lpfButtonCallback: P, lpvButtonContext: P, lpszButtonText: LPTSTR, ulFlags: u32,
        ) -> HRESULT;
        unsafe fn NewEntry(
            ulUIParam: UIPARAM, ulFlags: u32, cbEIDContainer: u32, lpEIDContainer: *mut ENTRYID,
            cbEIDNewEntryTpl: u32, lpEIDNewEntryTpl: *mut ENTRYID, lpcbEIDNewEntry: *mut u32,
            lppEIDNewEntry: *mut *mut ENTRYID,
        ) -> HRESULT;
        unsafe fn DoConfigPropsheet(
            ulUIParam: UIPARAM, ulFlags: u32, lpszTitle: LPTSTR, lpDisplayTable: P, lpCOnfigData: *mut IMAPIProp,
            ulTopPage: u32,
        ) -> HRESULT;
        unsafe fn CopyMessages(
            lpSrcInterface: *const GUID, lpSrcFolder: P, lpMsgList: *mut ENTRYLIST, lpDestInterface: *const GUID,
            lpDestFolder: P, ulUIParam: UIPARAM, lpProgress: P, ulFlags: u32,
        ) -> HRESULT;
        unsafe fn CopyFolder(
            lpSrcInterface: *const GUID, lpSrcFolder: P, cbEntryID: u32, lpEntryID: *mut ENTRYID,
            lpDestInterface: *const GUID, lpDestFolder: P, lszNewFolderName: LPTSTR, ulUIParam: UIPARAM,
            lpProgress: P, ulFlags: u32,
        ) -> HRESULT;
        unsafe fn DoCopyTo(
            lpSrcInterface: *const GUID, lpSrcObj: P, ciidExclude: u32, rgiidExclude: *const GUID,
            lpExcludeProps: *mut SPropTagArray, ulUIParam: UIPARAM, lpProgress: P, lpDestInterface: *const GUID,
            lpDestObj: P, ulFlags: u32, lppProblems: *mut *mut SPropProblemArray,
        ) -> HRESULT;
        unsafe fn DoCopyProps(
            lpSrcInterface: *const GUID, lpSrcObj: P, lpIncludeProps: *mut SPropTagArray, ulUIParam: UIPARAM,
            lpProgress: P, lpDestInterface: *const GUID, lpDestObj: P, ulFlags: u32,
            lppProblems: *mut *mut SPropProblemArray,
        ) -> HRESULT;
        unsafe fn DoProgressDialog(ulUIParam: UIPARAM, ulFlags: u32, lppProgress: *mut P) -> HRESULT;
        unsafe fn ReadReceipt(
            ulFlags: u32, lpReadMessage: *mut IMessage, lppEmptyMessage: *mut *mut IMessage,
        ) -> HRESULT;
        unsafe fn PrepareSubmit(lpMessage: *mut IMessage, lpulFlags: *mut u32) -> HRESULT;
        unsafe fn ExpandRecips(lpMessage: *mut IMessage, lpulFlags: *mut u32) -> HRESULT;
        unsafe fn UpdatePAB(ulFlags: u32, lpMessage: *mut IMessage) -> HRESULT;
        unsafe fn DoSentMail(ulFlags: u32, lpMessage: *mut IMessage) -> HRESULT;
        unsafe fn OpenAddressBook(lpInterface: *const GUID, ulFlags: u32, lppAdrBook: *mut P) -> HRESULT;
        unsafe fn Preprocess(ulFlags: u32, cbEntryID: u32, lpEntryID: *mut ENTRYID) -> HRESULT;
        unsafe fn CompleteMsg(ulFlags: u32, cbEntryID: u32, lpEntryID: *mut ENTRYID) -> HRESULT;
        unsafe fn StoreLogoffTransports(lpulFlags: *mut u32) -> HRESULT;
        unsafe fn StatusRecips(lpMessage: *mut IMessage, lpRecipList: *mut ADRLIST) -> HRESULT;
        unsafe fn WrapStoreEntryID(
            cbOrigEntry: u32, lpOrigEntry: *mut ENTRYID, lpcbWrappedEntry: *mut u32,
            lppWrappedEntry: *mut *mut ENTRYID,
        ) -> HRESULT;
        fn ModifyProfile(ulFlags: u32) -> HRESULT;
        unsafe fn IStorageFromStream(
            lpUnkIn: *mut IUnknown, lpInterface: *const GUID, ulFlags: u32, lppStorageOut: *mut P,
        ) -> HRESULT;
        unsafe fn GetSvcConfigSupportObj(ulFlags: u32, lppSvcSupport: *mut *mut IMAPISupport) -> HRESULT;
    }

    /// The administration of the providers of a message service. MAPI passes it to `ServiceEntry`.
    // SAFETY: the order is that of `MAPI_IPROVIDERADMIN_METHODS` in mapidefs.h; the other sources
    // are those of `IMSProvider`.
    pub unsafe interface IProviderAdmin: IUnknown("00020325-0000-0000-C000-000000000046") {
        vtable IProviderAdminVtbl;
        trait ProviderAdmin;
        calls IProviderAdminCalls;
        free_threaded;
        unsafe fn GetLastError(hResult: HRESULT, ulFlags: u32, lppMAPIError: *mut *mut MAPIERROR) -> HRESULT;
        unsafe fn GetProviderTable(ulFlags: u32, lppTable: *mut P) -> HRESULT;
        unsafe fn CreateProvider(
            lpszProvider: LPTSTR, cValues: u32, lpProps: *mut SPropValue, ulUIParam: UIPARAM, ulFlags: u32,
            lpUID: *mut MAPIUID,
        ) -> HRESULT;
        unsafe fn DeleteProvider(lpUID: *mut MAPIUID) -> HRESULT;
        unsafe fn OpenProfileSection(
            lpUID: *mut MAPIUID, lpInterface: *const GUID, ulFlags: u32, lppProfSect: *mut *mut IProfSect,
        ) -> HRESULT;
    }
}
