/* An intrusive doubly linked list: the links lie in the members. A `struct list` is a head or a
 * member's link; an initialized link that is in no list points to itself, so removing it twice does
 * no harm. Thread: whoever owns the list. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *next, *prev;
};

/* The struct of type `type` whose member `member` is at `ptr`. */
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* Walks the links of `head`; the current one may be removed (but not its neighbour). */
/* NOLINTBEGIN(bugprone-macro-parentheses): `at` is a name that is declared */
#define LIST_EACH(head, at)                                                                        \
    for (struct list *at = (head)->next, *at##_next = at->next; at != (head);                      \
         at = at##_next, at##_next = at->next)

/* NOLINTEND(bugprone-macro-parentheses) */

static inline void list_init(struct list *list) {
    list->next = list->prev = list;
}

static inline bool list_is_empty(const struct list *head) {
    return head->next == head;
}

static inline void list_insert_before(struct list *at, struct list *link) {
    link->next = at;
    link->prev = at->prev;
    at->prev->next = link;
    at->prev = link;
}

static inline void list_push_back(struct list *head, struct list *link) {
    list_insert_before(head, link);
}

static inline void list_push_front(struct list *head, struct list *link) {
    list_insert_before(head->next, link);
}

/* Takes the link out; it is then initialized, alone. */
static inline void list_remove(struct list *link) {
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}

/* Takes the first link out and returns it, NULL when there is none. */
static inline struct list *list_pop_front(struct list *head) {
    struct list *first = head->next;
    if (first == head)
        return NULL;
    list_remove(first);
    return first;
}

/* Moves all members of `from` to the end of `to`, in order; `from` is then empty. */
static inline void list_splice_back(struct list *to, struct list *from) {
    if (list_is_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}
