// SPDX-License-Identifier: MIT
#version 450
layout(local_size_x = 64) in;
layout(binding = 0) buffer A { uint words[8]; int least; int greatest; uint swaps; uint old[]; };

void main()
{
    uint i = gl_GlobalInvocationID.x;
    old[i] = atomicAdd(words[0], 1);
    atomicAdd(words[1], i);
    atomicMin(words[2], i);
    atomicMax(words[3], i);
    atomicAnd(words[4], ~(1u << (i & 31)));
    atomicOr(words[5], 1u << (i & 31));
    atomicXor(words[6], i);
    atomicMin(least, int(i) - 100);
    atomicMax(greatest, 100 - int(i));
    for (uint seen = swaps;;) {
        uint was = atomicCompSwap(swaps, seen, seen * 2 + 1);
        if (was == seen)
            break;
        seen = was;
    }
    if (i == 0)
        old[0] += atomicExchange(words[7], 77) * 0;
}
