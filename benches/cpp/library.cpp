// A library with one object in C++, to be weighed.
#include "objects.cpp"
extern "C" __attribute__((visibility("default"))) void *make() { return cpp_two(); }
