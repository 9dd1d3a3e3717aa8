/* The methods of three MAPI interfaces, in the order of their vtables: SLOT(name, parameters,
 * arguments). The signatures are those of mingw's headers, against which `override` checks them. */
#pragma once

#define IMAPIPROP_SLOTS(SLOT) \
    SLOT(GetLastError, (HRESULT hResult, ULONG ulFlags, LPMAPIERROR *lppMAPIError), hResult, ulFlags, \
         lppMAPIError) \
    SLOT(SaveChanges, (ULONG ulFlags), ulFlags) \
    SLOT(GetProps, (LPSPropTagArray lpPropTagArray, ULONG ulFlags, ULONG *lpcValues, LPSPropValue \
         *lppPropArray), lpPropTagArray, ulFlags, lpcValues, lppPropArray) \
    SLOT(GetPropList, (ULONG ulFlags, LPSPropTagArray *lppPropTagArray), ulFlags, lppPropTagArray) \
    SLOT(OpenProperty, (ULONG ulPropTag, LPCIID lpiid, ULONG ulInterfaceOptions, ULONG ulFlags, LPUNKNOWN \
         *lppUnk), ulPropTag, lpiid, ulInterfaceOptions, ulFlags, lppUnk) \
    SLOT(SetProps, (ULONG cValues, LPSPropValue lpPropArray, LPSPropProblemArray *lppProblems), cValues, \
         lpPropArray, lppProblems) \
    SLOT(DeleteProps, (LPSPropTagArray lpPropTagArray, LPSPropProblemArray *lppProblems), lpPropTagArray, \
         lppProblems) \
    SLOT(CopyTo, (ULONG ciidExclude, LPCIID rgiidExclude, LPSPropTagArray lpExcludeProps, ULONG ulUIParam, \
         LPMAPIPROGRESS lpProgress, LPCIID lpInterface, LPVOID lpDestObj, ULONG ulFlags, LPSPropProblemArray \
         *lppProblems), ciidExclude, rgiidExclude, lpExcludeProps, ulUIParam, lpProgress, lpInterface, \
         lpDestObj, ulFlags, lppProblems) \
    SLOT(CopyProps, (LPSPropTagArray lpIncludeProps, ULONG ulUIParam, LPMAPIPROGRESS lpProgress, LPCIID \
         lpInterface, LPVOID lpDestObj, ULONG ulFlags, LPSPropProblemArray *lppProblems), lpIncludeProps, \
         ulUIParam, lpProgress, lpInterface, lpDestObj, ulFlags, lppProblems) \
    SLOT(GetNamesFromIDs, (LPSPropTagArray *lppPropTags, LPGUID lpPropSetGuid, ULONG ulFlags, ULONG \
         *lpcPropNames, LPMAPINAMEID **lpppPropNames), lppPropTags, lpPropSetGuid, ulFlags, lpcPropNames, \
         lpppPropNames) \
    SLOT(GetIDsFromNames, (ULONG cPropNames, LPMAPINAMEID *lppPropNames, ULONG ulFlags, LPSPropTagArray \
         *lppPropTags), cPropNames, lppPropNames, ulFlags, lppPropTags)

#define IMSGSTORE_SLOTS(SLOT) \
    SLOT(Advise, (ULONG cbEntryID, LPENTRYID lpEntryID, ULONG ulEventMask, LPMAPIADVISESINK lpAdviseSink, \
         ULONG *lpulConnection), cbEntryID, lpEntryID, ulEventMask, lpAdviseSink, lpulConnection) \
    SLOT(Unadvise, (ULONG ulConnection), ulConnection) \
    SLOT(CompareEntryIDs, (ULONG cbEntryID1, LPENTRYID lpEntryID1, ULONG cbEntryID2, LPENTRYID lpEntryID2, \
         ULONG ulFlags, ULONG *lpulResult), cbEntryID1, lpEntryID1, cbEntryID2, lpEntryID2, ulFlags, \
         lpulResult) \
    SLOT(OpenEntry, (ULONG cbEntryID, LPENTRYID lpEntryID, LPCIID lpInterface, ULONG ulFlags, ULONG \
         *lpulObjType, LPUNKNOWN *lppUnk), cbEntryID, lpEntryID, lpInterface, ulFlags, lpulObjType, lppUnk) \
    SLOT(SetReceiveFolder, (LPTSTR lpszMessageClass, ULONG ulFlags, ULONG cbEntryID, LPENTRYID lpEntryID), \
         lpszMessageClass, ulFlags, cbEntryID, lpEntryID) \
    SLOT(GetReceiveFolder, (LPTSTR lpszMessageClass, ULONG ulFlags, ULONG *lpcbEntryID, LPENTRYID *lppEntryID, \
         LPTSTR *lppszExplicitClass), lpszMessageClass, ulFlags, lpcbEntryID, lppEntryID, lppszExplicitClass) \
    SLOT(GetReceiveFolderTable, (ULONG ulFlags, LPMAPITABLE *lppTable), ulFlags, lppTable) \
    SLOT(StoreLogoff, (ULONG *lpulFlags), lpulFlags) \
    SLOT(AbortSubmit, (ULONG cbEntryID, LPENTRYID lpEntryID, ULONG ulFlags), cbEntryID, lpEntryID, ulFlags) \
    SLOT(GetOutgoingQueue, (ULONG ulFlags, LPMAPITABLE *lppTable), ulFlags, lppTable) \
    SLOT(SetLockState, (LPMESSAGE lpMessage, ULONG ulLockState), lpMessage, ulLockState) \
    SLOT(FinishedMsg, (ULONG ulFlags, ULONG cbEntryID, LPENTRYID lpEntryID), ulFlags, cbEntryID, lpEntryID) \
    SLOT(NotifyNewMail, (LPNOTIFICATION lpNotification), lpNotification)

#define IMAPISUPPORT_SLOTS(SLOT) \
    SLOT(GetLastError, (HRESULT hResult, ULONG ulFlags, LPMAPIERROR *lppMAPIError), hResult, ulFlags, \
         lppMAPIError) \
    SLOT(GetMemAllocRoutines, (LPALLOCATEBUFFER *lpAllocateBuffer, LPALLOCATEMORE *lpAllocateMore, \
         LPFREEBUFFER *lpFreeBuffer), lpAllocateBuffer, lpAllocateMore, lpFreeBuffer) \
    SLOT(Subscribe, (LPNOTIFKEY lpKey, ULONG ulEventMask, ULONG ulFlags, LPMAPIADVISESINK lpAdviseSink, ULONG \
         *lpulConnection), lpKey, ulEventMask, ulFlags, lpAdviseSink, lpulConnection) \
    SLOT(Unsubscribe, (ULONG ulConnection), ulConnection) \
    SLOT(Notify, (LPNOTIFKEY lpKey, ULONG cNotification, LPNOTIFICATION lpNotifications, ULONG *lpulFlags), \
         lpKey, cNotification, lpNotifications, lpulFlags) \
    SLOT(ModifyStatusRow, (ULONG cValues, LPSPropValue lpColumnVals, ULONG ulFlags), cValues, lpColumnVals, \
         ulFlags) \
    SLOT(OpenProfileSection, (LPMAPIUID lpUid, ULONG ulFlags, LPPROFSECT *lppProfileObj), lpUid, ulFlags, \
         lppProfileObj) \
    SLOT(RegisterPreprocessor, (LPMAPIUID lpMuid, LPTSTR lpszAdrType, LPTSTR lpszDLLName, LPSTR \
         lpszPreprocess, LPSTR lpszRemovePreprocessInfo, ULONG ulFlags), lpMuid, lpszAdrType, lpszDLLName, \
         lpszPreprocess, lpszRemovePreprocessInfo, ulFlags) \
    SLOT(NewUID, (LPMAPIUID lpMuid), lpMuid) \
    SLOT(MakeInvalid, (ULONG ulFlags, LPVOID lpObject, ULONG ulRefCount, ULONG cMethods), ulFlags, lpObject, \
         ulRefCount, cMethods) \
    SLOT(SpoolerYield, (ULONG ulFlags), ulFlags) \
    SLOT(SpoolerNotify, (ULONG ulFlags, LPVOID lpvData), ulFlags, lpvData) \
    SLOT(CreateOneOff, (LPTSTR lpszName, LPTSTR lpszAdrType, LPTSTR lpszAddress, ULONG ulFlags, ULONG \
         *lpcbEntryID, LPENTRYID *lppEntryID), lpszName, lpszAdrType, lpszAddress, ulFlags, lpcbEntryID, \
         lppEntryID) \
    SLOT(SetProviderUID, (LPMAPIUID lpProviderID, ULONG ulFlags), lpProviderID, ulFlags) \
    SLOT(CompareEntryIDs, (ULONG cbEntry1, LPENTRYID lpEntry1, ULONG cbEntry2, LPENTRYID lpEntry2, ULONG \
         ulCompareFlags, ULONG *lpulResult), cbEntry1, lpEntry1, cbEntry2, lpEntry2, ulCompareFlags, \
         lpulResult) \
    SLOT(OpenTemplateID, (ULONG cbTemplateID, LPENTRYID lpTemplateID, ULONG ulTemplateFlags, LPMAPIPROP \
         lpMAPIPropData, LPCIID lpInterface, LPMAPIPROP *lppMAPIPropNew, LPMAPIPROP lpMAPIPropSibling), \
         cbTemplateID, lpTemplateID, ulTemplateFlags, lpMAPIPropData, lpInterface, lppMAPIPropNew, \
         lpMAPIPropSibling) \
    SLOT(OpenEntry, (ULONG cbEntryID, LPENTRYID lpEntryID, LPCIID lpInterface, ULONG ulOpenFlags, ULONG \
         *lpulObjType, LPUNKNOWN *lppUnk), cbEntryID, lpEntryID, lpInterface, ulOpenFlags, lpulObjType, \
         lppUnk) \
    SLOT(GetOneOffTable, (ULONG ulFlags, LPMAPITABLE *lppTable), ulFlags, lppTable) \
    SLOT(Address, (ULONG *lpulUIParam, LPADRPARM lpAdrParms, LPADRLIST *lppAdrList), lpulUIParam, lpAdrParms, \
         lppAdrList) \
    SLOT(Details, (ULONG *lpulUIParam, LPFNDISMISS lpfnDismiss, LPVOID lpvDismissContext, ULONG cbEntryID, \
         LPENTRYID lpEntryID, LPFNBUTTON lpfButtonCallback, LPVOID lpvButtonContext, LPTSTR lpszButtonText, \
         ULONG ulFlags), lpulUIParam, lpfnDismiss, lpvDismissContext, cbEntryID, lpEntryID, lpfButtonCallback, \
         lpvButtonContext, lpszButtonText, ulFlags) \
    SLOT(NewEntry, (ULONG ulUIParam, ULONG ulFlags, ULONG cbEIDContainer, LPENTRYID lpEIDContainer, ULONG \
         cbEIDNewEntryTpl, LPENTRYID lpEIDNewEntryTpl, ULONG *lpcbEIDNewEntry, LPENTRYID *lppEIDNewEntry), \
         ulUIParam, ulFlags, cbEIDContainer, lpEIDContainer, cbEIDNewEntryTpl, lpEIDNewEntryTpl, \
         lpcbEIDNewEntry, lppEIDNewEntry) \
    SLOT(DoConfigPropsheet, (ULONG ulUIParam, ULONG ulFlags, LPTSTR lpszTitle, LPMAPITABLE lpDisplayTable, \
         LPMAPIPROP lpCOnfigData, ULONG ulTopPage), ulUIParam, ulFlags, lpszTitle, lpDisplayTable, \
         lpCOnfigData, ulTopPage) \
    SLOT(CopyMessages, (LPCIID lpSrcInterface, LPVOID lpSrcFolder, LPENTRYLIST lpMsgList, LPCIID \
         lpDestInterface, LPVOID lpDestFolder, ULONG ulUIParam, LPMAPIPROGRESS lpProgress, ULONG ulFlags), \
         lpSrcInterface, lpSrcFolder, lpMsgList, lpDestInterface, lpDestFolder, ulUIParam, lpProgress, \
         ulFlags) \
    SLOT(CopyFolder, (LPCIID lpSrcInterface, LPVOID lpSrcFolder, ULONG cbEntryID, LPENTRYID lpEntryID, LPCIID \
         lpDestInterface, LPVOID lpDestFolder, LPTSTR lszNewFolderName, ULONG ulUIParam, LPMAPIPROGRESS \
         lpProgress, ULONG ulFlags), lpSrcInterface, lpSrcFolder, cbEntryID, lpEntryID, lpDestInterface, \
         lpDestFolder, lszNewFolderName, ulUIParam, lpProgress, ulFlags) \
    SLOT(DoCopyTo, (LPCIID lpSrcInterface, LPVOID lpSrcObj, ULONG ciidExclude, LPCIID rgiidExclude, \
         LPSPropTagArray lpExcludeProps, ULONG ulUIParam, LPMAPIPROGRESS lpProgress, LPCIID lpDestInterface, \
         LPVOID lpDestObj, ULONG ulFlags, LPSPropProblemArray *lppProblems), lpSrcInterface, lpSrcObj, \
         ciidExclude, rgiidExclude, lpExcludeProps, ulUIParam, lpProgress, lpDestInterface, lpDestObj, \
         ulFlags, lppProblems) \
    SLOT(DoCopyProps, (LPCIID lpSrcInterface, LPVOID lpSrcObj, LPSPropTagArray lpIncludeProps, ULONG \
         ulUIParam, LPMAPIPROGRESS lpProgress, LPCIID lpDestInterface, LPVOID lpDestObj, ULONG ulFlags, \
         LPSPropProblemArray *lppProblems), lpSrcInterface, lpSrcObj, lpIncludeProps, ulUIParam, lpProgress, \
         lpDestInterface, lpDestObj, ulFlags, lppProblems) \
    SLOT(DoProgressDialog, (ULONG ulUIParam, ULONG ulFlags, LPMAPIPROGRESS *lppProgress), ulUIParam, ulFlags, \
         lppProgress) \
    SLOT(ReadReceipt, (ULONG ulFlags, LPMESSAGE lpReadMessage, LPMESSAGE *lppEmptyMessage), ulFlags, \
         lpReadMessage, lppEmptyMessage) \
    SLOT(PrepareSubmit, (LPMESSAGE lpMessage, ULONG *lpulFlags), lpMessage, lpulFlags) \
    SLOT(ExpandRecips, (LPMESSAGE lpMessage, ULONG *lpulFlags), lpMessage, lpulFlags) \
    SLOT(UpdatePAB, (ULONG ulFlags, LPMESSAGE lpMessage), ulFlags, lpMessage) \
    SLOT(DoSentMail, (ULONG ulFlags, LPMESSAGE lpMessage), ulFlags, lpMessage) \
    SLOT(OpenAddressBook, (LPCIID lpInterface, ULONG ulFlags, LPADRBOOK *lppAdrBook), lpInterface, ulFlags, \
         lppAdrBook) \
    SLOT(Preprocess, (ULONG ulFlags, ULONG cbEntryID, LPENTRYID lpEntryID), ulFlags, cbEntryID, lpEntryID) \
    SLOT(CompleteMsg, (ULONG ulFlags, ULONG cbEntryID, LPENTRYID lpEntryID), ulFlags, cbEntryID, lpEntryID) \
    SLOT(StoreLogoffTransports, (ULONG *lpulFlags), lpulFlags) \
    SLOT(StatusRecips, (LPMESSAGE lpMessage, LPADRLIST lpRecipList), lpMessage, lpRecipList) \
    SLOT(WrapStoreEntryID, (ULONG cbOrigEntry, LPENTRYID lpOrigEntry, ULONG *lpcbWrappedEntry, LPENTRYID \
         *lppWrappedEntry), cbOrigEntry, lpOrigEntry, lpcbWrappedEntry, lppWrappedEntry) \
    SLOT(ModifyProfile, (ULONG ulFlags), ulFlags) \
    SLOT(IStorageFromStream, (LPUNKNOWN lpUnkIn, LPCIID lpInterface, ULONG ulFlags, LPSTORAGE *lppStorageOut), \
         lpUnkIn, lpInterface, ulFlags, lppStorageOut) \
    SLOT(GetSvcConfigSupportObj, (ULONG ulFlags, LPMAPISUP *lppSvcSupport), ulFlags, lppSvcSupport)
