#include "kvm_machine.h"

#include <errno.h>

#if defined(__x86_64__)

#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

static int fail(struct perch_kvm_machine *machine) {
  machine->base.error = errno;
  return -1;
}

int perch_kvm_machine_open(struct perch_kvm_machine *machine) {
  *machine = (struct perch_kvm_machine){0};
  if (perch_kvm_translator_open(&machine->base) < 0) return -1;
  machine->base.stage = PERCH_KVM_VCPU;
  int size = ioctl(machine->base.device, KVM_GET_VCPU_MMAP_SIZE, 0UL);
  if (size < 0) return fail(machine);
  void *run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, machine->base.processor, 0);
  if (run == MAP_FAILED) return fail(machine);
  machine->run = (uintptr_t)run;
  machine->run_size = (uint64_t)size;
  return 0;
}

void perch_kvm_machine_close(struct perch_kvm_machine *machine) {
  if (machine->run != 0) munmap((void *)machine->run, machine->run_size);
  machine->run = 0;
  perch_kvm_translator_close(&machine->base);
}

// The attributes as a descriptor has them, and as KVM takes them apart.

static struct kvm_segment taken_apart(struct perch_kvm_segment segment) {
  uint32_t bits = segment.attributes;
  return (struct kvm_segment){
      .base = segment.base, .limit = segment.limit, .selector = segment.selector, .type = bits >> 8 & 15,
      .s = bits >> 12 & 1, .dpl = bits >> 13 & 3, .present = bits >> 15 & 1, .avl = bits >> 20 & 1,
      .l = bits >> 21 & 1, .db = bits >> 22 & 1, .g = bits >> 23 & 1, .unusable = bits == 0};
}

static struct perch_kvm_segment put_together(struct kvm_segment segment) {
  uint32_t bits = (uint32_t)segment.type << 8 | (uint32_t)segment.s << 12 | (uint32_t)segment.dpl << 13 |
                  (uint32_t)segment.present << 15 | (uint32_t)segment.avl << 20 | (uint32_t)segment.l << 21 |
                  (uint32_t)segment.db << 22 | (uint32_t)segment.g << 23;
  return (struct perch_kvm_segment){
      .base = segment.base, .limit = segment.limit, .selector = segment.selector,
      .attributes = segment.unusable ? 0 : bits};
}

static void set_special(struct kvm_sregs *special, const struct perch_kvm_registers *registers) {
  special->es = taken_apart(registers->es), special->cs = taken_apart(registers->cs);
  special->ss = taken_apart(registers->ss), special->ds = taken_apart(registers->ds);
  special->fs = taken_apart(registers->fs), special->gs = taken_apart(registers->gs);
  special->ldt = taken_apart((struct perch_kvm_segment){0});
  special->gdt = (struct kvm_dtable){.base = registers->gdt.base, .limit = registers->gdt.limit};
  special->idt = (struct kvm_dtable){.base = registers->idt.base, .limit = registers->idt.limit};
  special->cr0 = registers->cr0, special->cr2 = registers->cr2, special->cr3 = registers->cr3;
  special->cr4 = registers->cr4, special->efer = registers->efer;
}

int perch_kvm_machine_set_registers(struct perch_kvm_machine *machine, const struct perch_kvm_registers *registers) {
  machine->base.stage = PERCH_KVM_REGISTERS;
  struct kvm_sregs special;
  if (ioctl(machine->base.processor, KVM_GET_SREGS, &special) < 0) return fail(machine);
  set_special(&special, registers);
  if (ioctl(machine->base.processor, KVM_SET_SREGS, &special) < 0) return fail(machine);
  struct kvm_regs general = {
      .rax = registers->rax, .rcx = registers->rcx, .rdx = registers->rdx, .rbx = registers->rbx,
      .rsp = registers->rsp, .rbp = registers->rbp, .rsi = registers->rsi, .rdi = registers->rdi,
      .r8 = registers->r8, .r9 = registers->r9, .r10 = registers->r10, .r11 = registers->r11,
      .r12 = registers->r12, .r13 = registers->r13, .r14 = registers->r14, .r15 = registers->r15,
      .rip = registers->rip, .rflags = registers->rflags};
  machine->next = registers->rip;
  return ioctl(machine->base.processor, KVM_SET_REGS, &general) < 0 ? fail(machine) : 0;
}

int perch_kvm_machine_get_registers(struct perch_kvm_machine *machine, struct perch_kvm_registers *registers) {
  machine->base.stage = PERCH_KVM_REGISTERS;
  struct kvm_sregs special;
  struct kvm_regs general;
  if (ioctl(machine->base.processor, KVM_GET_SREGS, &special) < 0) return fail(machine);
  if (ioctl(machine->base.processor, KVM_GET_REGS, &general) < 0) return fail(machine);
  *registers = (struct perch_kvm_registers){
      .rax = general.rax, .rcx = general.rcx, .rdx = general.rdx, .rbx = general.rbx,
      .rsp = general.rsp, .rbp = general.rbp, .rsi = general.rsi, .rdi = general.rdi,
      .r8 = general.r8, .r9 = general.r9, .r10 = general.r10, .r11 = general.r11,
      .r12 = general.r12, .r13 = general.r13, .r14 = general.r14, .r15 = general.r15,
      .rip = general.rip, .rflags = general.rflags,
      .cr0 = special.cr0, .cr2 = special.cr2, .cr3 = special.cr3, .cr4 = special.cr4, .efer = special.efer,
      .es = put_together(special.es), .cs = put_together(special.cs), .ss = put_together(special.ss),
      .ds = put_together(special.ds), .fs = put_together(special.fs), .gs = put_together(special.gs),
      .gdt = {.base = special.gdt.base, .limit = special.gdt.limit},
      .idt = {.base = special.idt.base, .limit = special.idt.limit}};
  return 0;
}

int perch_kvm_machine_count(struct perch_kvm_machine *machine) {
  machine->base.stage = PERCH_KVM_REGISTERS;
  struct kvm_guest_debug debug = {.control = KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP};
  if (ioctl(machine->base.processor, KVM_SET_GUEST_DEBUG, &debug) < 0) return fail(machine);
  machine->is_counting = 1;
  return 0;
}

#else

// The registers are those of x86: a host of another kind has no virtual processor that they fit.
int perch_kvm_machine_open(struct perch_kvm_machine *machine) {
  *machine = (struct perch_kvm_machine){0};
  return perch_kvm_translator_open(&machine->base);
}

void perch_kvm_machine_close(struct perch_kvm_machine *machine) { (void)machine; }

int perch_kvm_machine_set_registers(struct perch_kvm_machine *machine, const struct perch_kvm_registers *registers) {
  (void)machine, (void)registers;
  return -1;
}

int perch_kvm_machine_get_registers(struct perch_kvm_machine *machine, struct perch_kvm_registers *registers) {
  (void)machine, (void)registers;
  return -1;
}

int perch_kvm_machine_count(struct perch_kvm_machine *machine) {
  (void)machine;
  return -1;
}

#endif
