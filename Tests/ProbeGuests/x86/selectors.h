// Selectors of the global descriptor table, for assembly and C.
#ifndef PERCH_PROBE_SELECTORS_H
#define PERCH_PROBE_SELECTORS_H

#define KERNEL_CODE_32 0x08
#define KERNEL_DATA 0x10
#define KERNEL_CODE_64 0x18
#define USER_CODE_32 0x23
#define USER_DATA 0x2b
#define USER_CODE_64 0x33
#define TASK_32 0x38
#define TASK_64 0x40 /* two entries long */

// What user and kernel accesses end with when nothing faulted.
#define RETURN_VECTOR 0x80

#endif
