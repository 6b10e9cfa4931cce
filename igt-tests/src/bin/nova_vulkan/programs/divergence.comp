// SPDX-License-Identifier: MIT
#version 450
layout(local_size_x = 64) in;
layout(binding = 0) buffer A { uint a[]; };

uint collatz(uint n)
{
    uint steps = 0;
    while (n != 1) {
        if ((n & 1) == 0) {
            n /= 2;
        } else {
            n = 3 * n + 1;
            if (n > 5000)
                return 1000 + steps;
        }
        steps++;
        if (steps == 40)
            break;
    }
    return steps;
}

void main()
{
    uint i = gl_GlobalInvocationID.x;
    uint n = a[i] + 1;
    if (i % 7 == 3)
        return;
    switch (i % 5) {
    case 0: a[i] = collatz(n); break;
    case 1: a[i] = n * n; break;
    case 2: a[i] = ~n;
    default: a[i] += 7;
    }
}
