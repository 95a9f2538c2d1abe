/*
 * netmap-userspace-audit: says, as one line of JSON, where every buffer of netmap in user space
 * is. Exit status 0 if each is in exactly one place, 1 if not, 2 if it could not look.
 */
#include <stdio.h>
#include <string.h>

#include "audit.h"

int main(void) {
  struct audit result;
  int error = audit_run(&result);
  if (error != 0) {
    fprintf(stderr, "netmap-userspace-audit: %s\n", strerror(error));
    return 2;
  }
  audit_print(stdout, &result);
  return audit_good(&result) ? 0 : 1;
}
