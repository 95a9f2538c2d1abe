/* The control file and the directory it is in, mapped once in each process. */
#ifndef NETMAP_USERSPACE_CONTROL_H
#define NETMAP_USERSPACE_CONTROL_H

#include <stddef.h>

#include "shared.h"

extern struct control *control;

/* Maps the control file, making it if need be. Returns 0 or an errno. */
int control_open(void);

void control_fork_prepare(void);
void control_fork_done(void);

/* The path of a file of the run directory: `kind` and a number. */
void control_path(char *path, size_t size, const char *kind, uint32_t number);

/* Locks the configuration. If the last holder died inside, everything is recomputed first. */
void control_lock(void);
void control_unlock(void);

/* Locks a mutex of the control file. True if its holder died while holding it. Sets *mine to
 * false if this thread has it already (a signal handler that syncs): then leave it alone. */
bool shared_lock(pthread_mutex_t *mutex, bool *mine);
void shared_mutex_initialise(pthread_mutex_t *mutex);

#define PATH_SIZE 512

#endif
