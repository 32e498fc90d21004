// The C libraries that kernel payloads are packed with. Debian: zlib1g-dev liblzma-dev libzstd-dev liblz4-dev libbz2-dev.
#ifndef PERCH_COMPRESSION_SHIM_H
#define PERCH_COMPRESSION_SHIM_H

// ZSTD_decompressBound is exported by the shared library and declared only under this name.
#ifndef ZSTD_STATIC_LINKING_ONLY
#define ZSTD_STATIC_LINKING_ONLY
#endif

#include <bzlib.h>
#include <lz4.h>
#include <lz4frame.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#endif
