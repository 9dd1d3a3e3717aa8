/* Replaces mapisync.h's own types by those of DirectX-Headers (Debian package directx-headers-dev). The
 * compiler includes it first. */
#ifndef DIRECTX_H
#define DIRECTX_H

#define COBJMACROS
#define INITGUID /* defines IID_IUnknown here instead of in a library */
#include <wsl/winadapter.h>
#define MAPISYNC_NO_COM_TYPES

/* <wsl/winadapter.h> lacks these. */
#ifdef __cplusplus
#define IsEqualGUID(a, b) ((a) == (b))
#else
#include <string.h>
#define IsEqualGUID(a, b) (memcmp((a), (b), sizeof(GUID)) == 0)
#endif

#endif
