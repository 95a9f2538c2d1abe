/* After a process has died inside a call that changes the configuration. */
#ifndef NETMAP_USERSPACE_RECOVERY_H
#define NETMAP_USERSPACE_RECOVERY_H

/* With the control lock: makes everything that can be derived anew from what can't: which opens
 * are bound to which rings, and who owns each object. */
void recovery_recompute(void);

#endif
