/* Forgets the macros of the tables, so that each includer of a .def defines just those that it
 * needs. No include guard. */
#undef ENUMERATION
#undef VALUE
#undef END_ENUMERATION
#undef OBJECT
#undef FIELD
#undef END_OBJECT
#undef EVENT
#undef END_EVENT
#undef OP
#undef IN
#undef OUT
#undef END
#undef ERROR
#undef PERMISSION
#undef LIMIT
